"""Many processes: the supervisor, the worker processes and their reloads, the process of the admin listener.
`serve` runs them; the demo uses `bind` and `build_server`."""

from httptee.processes.listening import bind
from httptee.processes.supervisor import serve
from httptee.processes.worker import build_server

__all__ = [
    "bind",
    "build_server",
    "serve",
]
