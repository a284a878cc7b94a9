"""Time limits for slow clients. A slow client holds its connection for a bounded time; a slow sender holds no thread.

The request head must be whole within the client timeout. A request body, or an answer that the client reads, must
advance by `LEAST_RATE` bytes a second in every period of that length. The rule counts bytes, not signs of activity: a
client that sends one byte a second is too slow (RFC 9110 §15.5.9). An idle connection is closed after the client
timeout. The main thread checks this once a second. It costs a fast client nothing.
"""

from __future__ import annotations

from httptee.errors import RequestTimeout
from httptee.server.ownership import OwnedChannel, Stretch


def look_after(channel: OwnedChannel, now: float, timeout: float) -> None:
    """End a request, an answer or an idle time that takes too long. `now` is wall time, like `last_activity`."""
    request, held = channel.request, channel.total_outbufs_len
    what: object = None
    reached = 0
    if channel.requests:  # the tee or A is at work, not the client
        pass
    elif held:
        what, reached = channel.outbufs, channel.buffered - held
    elif request is not None and request.headers_finished:
        what, reached = request.body_rcv, len(request.body_rcv or ())
    elif request is not None:
        what = request
    elif channel.last_activity < now - timeout or channel.has_lingered:
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
