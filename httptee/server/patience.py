"""How long slow clients may take, so that they hold connections for a bounded time and threads not at all.

One rule for all that arrives or leaves slowly, looked at by the main thread once a second and costing a quick client
nothing: a head has to be whole within the client timeout, and a body, or an answer that the client takes, has to make
headway of `LEAST_RATE` in every stretch of that length. Counting bytes rather than signs of life is what makes
trickling one byte a second no way to stay (RFC 9110 §15.5.9). Who keeps a connection open and asks nothing is let go.
"""

from __future__ import annotations

from httptee.errors import RequestTimeout
from httptee.server.ownership import OwnedChannel, Stretch


def look_after(channel: OwnedChannel, now: float, timeout: float) -> None:
    """End what this client has drawn out for too long. `now` is wall time, as the channel's `last_activity` is."""
    request, held = channel.request, channel.total_outbufs_len
    what: object = None
    reached = 0
    if channel.requests:  # it is the tee's turn, or A's
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
    """End it, now that it is ours, unless a thread has got on with it since it was looked at."""
    if channel.total_outbufs_len:
        channel.cut_off()
    elif request is not None and channel.request is request:
        channel.refuse(RequestTimeout("the request did not arrive in time"))
