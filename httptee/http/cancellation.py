"""Ends the exchange with A of a request that needs no answer: its client has gone, or the drain timeout is over.

The thread of the request blocks in a call on A's connection. Another thread calls `cancel`: this shuts down the socket
of that connection, and the blocked call returns. The descriptor stays open, so it cannot be another connection by then;
only the thread of the request closes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from httptee.errors import ClientGone, TeeError

CANCELLATION = "httptee.cancellation"
"""The environ key of the `Cancellation` of the client's connection. Other servers than the tee's own have none."""


class Cancellation:
    """One for each client connection: once it is canceled, no request of this connection needs an answer.

    `reason` is None or says why: ClientGone or CutOff. The lock makes sure that a connection that was detached is never
    shut down: it may be in use by another request.
    """

    __slots__ = ("_lock", "_shut", "reason")

    def __init__(self) -> None:
        self.reason: type[TeeError] | None = None
        self._lock = threading.Lock()
        self._shut: Callable[[], object] | None = None

    def __repr__(self) -> str:
        state = self.reason.reason if self.reason else "attached" if self._shut else "free"
        return f"<Cancellation [{state}]>"

    def attach(self, shut: Callable[[], object]) -> None:
        """Let `cancel` call `shut`, from any thread, until `detach`. Raises the `reason` if it is canceled."""
        with self._lock:
            if self.reason is not None:
                raise self.reason("the request was canceled")
            self._shut = shut

    def detach(self) -> None:
        """After this call, `shut` is not called, and no call of it is still running."""
        with self._lock:
            self._shut = None

    def cancel(self, reason: type[TeeError] = ClientGone) -> None:
        """End the exchange with A, if there is one. Safe from any thread. May be repeated: the first reason stays."""
        with self._lock:
            self.reason = self.reason or reason
            shut, self._shut = self._shut, None
            if shut is not None:
                shut()
