"""Many processes: the supervisor, the worker processes and their reloads, the process of the admin listener.
`serve` runs them; the demo uses `build_server`."""

from httptee.processes.supervisor import serve
from httptee.processes.worker import build_server

__all__ = [
    "build_server",
    "serve",
]
