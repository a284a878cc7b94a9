"""Clients that are slow, and clients that have gone. The main thread looks after both; it costs a fast client nothing.

The request head must be whole within the client timeout. A request body, or an answer that the client reads, must
advance by `LEAST_RATE` bytes a second in every period of that length. The rule counts bytes, not signs of activity: a
client that sends one byte a second is too slow (RFC 9110 §15.5.9). An idle connection is closed after the client
timeout. The main thread checks this once a second.

A client that has gone while its request is in service holds a thread and a connection to A. The kernel reports that it
has hung up to any thread; TCP's state then says how. After a reset it has gone. After a FIN it may still read, so it
has gone if nothing was sent to it for `GRACE`: data to a closed socket causes a reset. Only a part of the threads waits
for such clients, and none while requests wait for a thread: then they have gone at once. A client that is slow to take
data has not gone; the rule above is for it.
"""

from __future__ import annotations

from time import monotonic

from httptee.errors import RequestTimeout
from httptee.server.ownership import OwnedChannel
from httptee.server.uploads import Stretch

GRACE = 0.5
"""Seconds in which a client that has closed its sending side gets its answer. nginx, Envoy and Go give it none."""
_GLANCE = 0.2  # seconds between two checks whether clients have gone
_LOOK_AGAIN = 0.05  # the same, while some may have
_OPEN = frozenset({0, 1, 4, 5})  # closed here, or the client has sent no FIN: ESTABLISHED, FIN_WAIT1, FIN_WAIT2
_TICK = 0.01  # seconds, the resolution of the kernel's times
_CLOSE_WAIT = 8  # the client has sent a FIN, this side has not


class Departures:
    """The connections whose client may have gone: the kernel reported that it hung up. `note` is for any thread."""

    def __init__(self) -> None:
        self._noted: dict[OwnedChannel, float] = {}

    def note(self, channel: OwnedChannel) -> None:
        """The kernel has reported that the client of this connection has hung up."""
        self._noted.setdefault(channel, monotonic())

    @property
    def pause(self) -> float:
        """Seconds until the next call of `gone`."""
        return _LOOK_AGAIN if self._noted else _GLANCE

    def gone(self, now: float, room: int) -> list[OwnedChannel]:
        """The connections whose client has gone, each once. At most `room` clients that closed their sending side and
        got nothing since then keep their grace, the last ones.

        Those that wait for a thread come first: the threads that the others free must not send these requests to A.
        """
        gone, waiting = [], []
        for channel, since in self._noted.copy().items():  # a copy: other threads write to it
            state, silent = channel.tcp_state()
            if state == _CLOSE_WAIT and min(now - since, silent) < GRACE:
                if silent and silent + _TICK >= now - since:
                    waiting.append(channel)
                continue
            del self._noted[channel]
            if state not in _OPEN:
                gone.append(channel)
        for channel in waiting[: max(0, len(waiting) - room)]:
            del self._noted[channel]
            gone.append(channel)
        return sorted(gone, key=lambda channel: channel.queued is None)


def look_after(channel: OwnedChannel, now: float, timeout: float) -> None:
    """End a request, an answer or an idle time that takes too long. `now` is of the monotonic clock."""
    request, held = channel.request, channel.total_outbufs_len
    what: object = None
    reached = 0
    if channel.requests:  # the tee or A is at work, not the client
        pass
    elif held:
        what, reached = channel.outbufs, channel.buffered - held
    elif request is not None and request.headers_finished:
        what, reached = request.body_rcv, len(request.body_rcv or ())
    elif request is not None and request.begun:
        what = request
    elif channel.active_at < now - timeout or channel.has_lingered:
        channel.hang_up()
    stretch = channel.stretch
    if what is None or stretch is None or stretch.what is not what:
        channel.stretch = Stretch(what, reached, now) if what is not None else None
    elif stretch.too_slow(reached, now, timeout):
        channel.owned(lambda: _give_up(channel, request))


def _give_up(channel: OwnedChannel, request: object) -> None:
    """End the slow request or answer, from its owner. Does nothing if a thread has finished it since the check."""
    if channel.total_outbufs_len:
        channel.cut_off()
    elif request is not None and channel.request is request:
        channel.refuse(RequestTimeout("the request did not arrive in time"))
