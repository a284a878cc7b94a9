"""Two protocols: what connections and tasks use of the server, and what a task uses of its connection.

With them, the modules of this room import each other in one direction only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from httptee.http import Cancellation, RequestMemory, Response
from httptee.server.stalled import Stalled
from httptee.server.uploads import Uploads

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Host(Protocol):
    """The parts of a server that its connections and their tasks use.

    `stalled` waits for clients that take nothing. `on_discard` is called with each request whose
    client has gone before a thread was free. `application` returns an iterable of bytes that has a `close` (PEP 3333).
    """

    application: Callable[[WSGIEnvironment, StartResponse], Any]
    active_channels: dict[int, Any]
    common_environ: dict[str, Any]
    closes_connections: bool
    client_timeout: float
    memory: RequestMemory
    on_count: Callable[[int], object]
    on_refusal: Callable[[WSGIEnvironment, Response], object]
    on_discard: Callable[[WSGIEnvironment], object]
    stalled: Stalled
    uploads: Uploads

    def hand_over(self, channel: Any) -> None:
        """Queue a connection for the next thread that is free."""

    def held_by_client(self) -> AbstractContextManager[None]:
        """Context manager around a thread's wait for a client that reads its answer slowly."""

    def arm(self, descriptor: int, events: int) -> None:
        """Set the epoll events of a connection."""

    def disarm(self, descriptor: int) -> None:
        """Take a connection out of the epoll set."""


class Peer(Protocol):
    """The parts of a client's connection that a task uses.

    `unframed` is `begun` or `whole` for an answer that ends with the connection, and empty for other answers. `number`
    is the connection's in this process, and `served` that of the request on it.
    """

    number: int
    served: int

    server: Host
    addr: Any
    client_subject: str
    unframed: str
    cancellation: Cancellation
    socket: Any

    @property
    def closes_after_answer(self) -> bool:
        """Whether the tee closes the connection after the next answer."""

    def write_soon(self, data: bytes) -> int:
        """Send or buffer `data`. Raises ClientDisconnected."""

    def take_in(self, request: Any, data: bytes) -> None:
        """Parse data of a request that is served already, and what comes behind it."""

    def reset_when_closed(self) -> None:
        """Make every close of the connection a reset, even a close by the end of the process."""

    def begin_unframed(self) -> None:
        """Begin an answer that ends with the connection."""

    def cut_off(self) -> None:
        """Reset the connection in the middle of an answer."""
