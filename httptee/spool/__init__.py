"""The spool of a B: clones that it cannot take go to the disk, and reach it later, in their order. The worker process
writes by an `Outbox` with a `Door` for each B; one `Drainer` sends."""

from httptee.spool.aside import Aside, SetAside
from httptee.spool.catchup import Catchup
from httptee.spool.counts import Counts
from httptee.spool.door import Door
from httptee.spool.drainer import Drained, Drainer
from httptee.spool.names import SUFFIX, StreamName, directory_of, new_run, orphans_of
from httptee.spool.outbox import MOST_HELD, Outbox
from httptee.spool.pace import Pace, Settling
from httptee.spool.record import lane_of
from httptee.spool.sheet import Sheet
from httptee.spool.source import Source
from httptee.spool.stream import Stream, streams_in
from httptee.spool.watch import Watch

__all__ = [
    "MOST_HELD",
    "SUFFIX",
    "Aside",
    "Catchup",
    "Counts",
    "Door",
    "Drained",
    "Drainer",
    "Outbox",
    "Pace",
    "SetAside",
    "Settling",
    "Sheet",
    "Source",
    "Stream",
    "StreamName",
    "Watch",
    "directory_of",
    "lane_of",
    "new_run",
    "orphans_of",
    "streams_in",
]
