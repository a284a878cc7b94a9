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

    `reason` is None or says why: ClientGone or CutOff. A connection that was detached is never shut down: it may be in
    use by another request. So what is attached is in a list, and only the thread that takes it out uses it.
    """

    __slots__ = ("_attached", "_lock", "reason")

    def __init__(self) -> None:
        self.reason: type[TeeError] | None = None
        self._lock = threading.Lock()  # held while a connection is shut down
        self._attached: list[Callable[[], object]] = []

    def __repr__(self) -> str:
        state = self.reason.reason if self.reason else "attached" if self._attached else "free"
        return f"<Cancellation [{state}]>"

    def attach(self, shut: Callable[[], object]) -> None:
        """Let `cancel` call `shut`, from any thread, until `detach`. Raises the `reason` if it is canceled."""
        self._attached.append(shut)
        if self.reason is not None:
            self.detach()
            raise self.reason("the request was canceled")

    def detach(self) -> None:
        """After this call, `shut` is not called, and no call of it is still running."""
        try:
            self._attached.pop()
        except IndexError:  # `cancel` has taken it
            with self._lock:
                pass

    def cancel(self, reason: type[TeeError] = ClientGone) -> None:
        """End the exchange with A, if there is one. Safe from any thread. May be repeated: the first reason stays."""
        with self._lock:
            self.reason = self.reason or reason
            try:
                shut = self._attached.pop()
            except IndexError:
                return
            shut()
