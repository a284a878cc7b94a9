"""One tunnel: two flows of bytes between a client and A.

A flow reads a piece only when the one before has gone to the other side. So a tunnel holds at most one piece each way,
and a peer that reads slowly makes the other one wait. The end of one flow is passed on; the other flow goes on.
"""

from __future__ import annotations

from collections.abc import Callable

from httptee.tunnel.end import End

PIECE = 32_768
"""Bytes to read at once: what a flow holds at most."""
_TURN = 8  # pieces that a flow may carry before the other tunnels get their turn

Ended = Callable[[str, int, int], object]
"""Called once: how the tunnel ended (`ledger.TUNNEL_ENDS`), and the bytes from the client and to it."""


class Flow:
    """The bytes from one end to the other. `carried` is their number, `done` whether their end was passed on."""

    __slots__ = ("_ended", "_source", "_target", "_waiting", "carried", "done")

    def __init__(self, source: End, target: End, waiting: bytes) -> None:
        self._source = source
        self._target = target
        self._waiting: bytes | memoryview = waiting
        self._ended = False
        self.carried = 0
        self.done = False

    def pump(self) -> bool:
        """Pass on what can be passed on without waiting. True if there may be more. Raises as an `End` does."""
        for _ in range(_TURN):
            if self._waiting:
                sent = self._target.send(self._waiting)
                self.carried += sent
                if not sent:
                    return False
                if sent < len(self._waiting):  # until it takes nothing: only then does the kernel report more room
                    self._waiting = memoryview(self._waiting)[sent:]
                    continue
                self._waiting = b""
            if self._ended:
                self.done = self.done or self._target.end_sending()
                return False
            data = self._source.receive(PIECE)
            if data is None:
                return False
            self._waiting, self._ended = data, not data
        return True


class Tunnel:
    """A client's connection and A's. `arrived` is what the client has already sent, `unsent` what it is to get first.

    `active_at` is when bytes were last passed on, in seconds of the monotonic clock.
    """

    def __init__(
        self, client: End, a: End, ended: Ended, now: float, *, arrived: bytes = b"", unsent: bytes = b""
    ) -> None:
        self.ends = (client, a)
        self.active_at = now
        self._from_client = Flow(client, a, arrived)
        self._to_client = Flow(a, client, unsent)
        self._ended: Ended | None = ended
        self.before_end: Callable[[], object] = lambda: None
        """Called once, when the last bytes were passed on and before `ended`."""

    def __repr__(self) -> str:
        return f"<Tunnel [{self.received} bytes from the client, {self.sent} to it]>"

    @property
    def received(self) -> int:
        """Bytes from the client that were passed on to A."""
        return self._from_client.carried

    @property
    def sent(self) -> int:
        """Bytes from A that were passed on to the client."""
        return self._to_client.carried

    def step(self, now: float) -> bool:
        """Pass on what can be passed on. True if there may be more at once. After the end of both flows, or an error,
        the tunnel is closed."""
        before = self.received + self.sent
        try:
            more = self._to_client.pump()
            more = self._from_client.pump() or more  # last: the end of a TLS connection to A waits for the other flow
        except Exception:  # whatever breaks in one connection, by TLS or by the kernel, ends this tunnel alone
            self.cut("reset")
            return False
        if self.received + self.sent != before:
            self.active_at = now
        if self._to_client.done and self._from_client.done:
            self._close("closed", reset=False)
            return False
        return more

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self._ended is not None

    def cut(self, why: str) -> None:
        """Reset both connections. Does nothing after the end."""
        self._close(why, reset=True)

    def _close(self, why: str, *, reset: bool) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        for end in self.ends:
            end.close(reset=reset)
        self.before_end()
        ended(why, self.received, self.sent)
