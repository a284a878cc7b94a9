"""One replay: what is due when, the loop that deals it to the processes that send, and what the recorded answers say
about the new ones. `Replay` runs it."""

from httptee.replay.replaying.asking import Live
from httptee.replay.replaying.feed import Feed, Range, Span
from httptee.replay.replaying.judging import Judging
from httptee.replay.replaying.masked import hidden
from httptee.replay.replaying.preparing import Preparing
from httptee.replay.replaying.replay import Replay
from httptee.replay.replaying.schedule import Schedule

__all__ = [
    "Feed",
    "Judging",
    "Live",
    "Preparing",
    "Range",
    "Replay",
    "Schedule",
    "Span",
    "hidden",
]
