"""What a connection and its tasks need of the server, and a task of its connection: so none imports the other."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from httptee.http import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Host(Protocol):
    """A server, as its connections and their tasks see it.

    What `application` returns is an iterable of bytes that has a `close` (PEP 3333).
    """

    application: Callable[[WSGIEnvironment, StartResponse], Any]
    active_channels: dict[int, Any]
    common_environ: dict[str, Any]
    closes_connections: bool
    client_timeout: float
    on_count: Callable[[int], object]
    on_refusal: Callable[[WSGIEnvironment, Response], object]

    def hand_over(self, channel: Any) -> None:
        """Queue a connection for the next thread that is free."""

    def held_by_client(self) -> AbstractContextManager[None]:
        """Around a thread's wait for a client that takes its answer slowly."""

    def arm(self, descriptor: int, events: int) -> None:
        """Set the events for which a connection is handed to a thread."""


class Peer(Protocol):
    """A client's connection, as a task sees it.

    `unframed` is `begun` or `whole` for an answer that ends with the connection, else empty.
    """

    server: Host
    addr: Any
    client_subject: str
    unframed: str

    @property
    def closes_after_answer(self) -> bool:
        """Whether the tee closes the connection after the next answer."""

    def write_soon(self, data: bytes) -> int:
        """Send or buffer `data`. Raises ClientDisconnected."""

    def begin_unframed(self) -> None:
        """Note that an answer begins whose end is the end of the connection."""

    def cut_off(self) -> None:
        """Reset the connection in the middle of an answer."""
