"""Replays a recording: when each request is due, the processes that send, what became of each request, and what A's
recorded answers say about B's. `Replay` runs one."""

from httptee.replay.asking import Live
from httptee.replay.feed import Feed, Range
from httptee.replay.judging import Judging
from httptee.replay.preparing import Preparing
from httptee.replay.processes import Sending
from httptee.replay.progress import standard_progress
from httptee.replay.replay import Replay
from httptee.replay.report import as_dict, kept_up, text
from httptee.replay.schedule import Schedule
from httptee.replay.tally import Figures

__all__ = [
    "Feed",
    "Figures",
    "Judging",
    "Live",
    "Preparing",
    "Range",
    "Replay",
    "Schedule",
    "Sending",
    "as_dict",
    "kept_up",
    "standard_progress",
    "text",
]
