"""The spool of a B: clones that it cannot take go to the disk, and reach it later, in their order. The worker process
writes by an `Outbox` with a `Door` for each B; one `Catchup` a B sends."""

from httptee.spool.aside import Aside, SetAside
from httptee.spool.catchup import Catchup
from httptee.spool.counts import DROPPED, FAILED, Counts, delivered
from httptee.spool.cursor import boot_id
from httptee.spool.door import Door
from httptee.spool.entry import Counting, Entry, Incoming, Keeping
from httptee.spool.names import SUFFIX, StreamName, directory_of, new_run, orphans_of
from httptee.spool.outbox import MOST_HELD, Outbox
from httptee.spool.pace import PATIENCE, Pace, Settling
from httptee.spool.record import MalformedClone, StoredClone, decode, lane_of
from httptee.spool.sheet import Policy, Sheet, lacking_room
from httptee.spool.source import Source
from httptee.spool.stream import Stream, streams_in
from httptee.spool.watch import Watch

__all__ = [
    "DROPPED",
    "FAILED",
    "MOST_HELD",
    "PATIENCE",
    "SUFFIX",
    "Aside",
    "Catchup",
    "Counting",
    "Counts",
    "Door",
    "Entry",
    "Incoming",
    "Keeping",
    "MalformedClone",
    "Outbox",
    "Pace",
    "Policy",
    "SetAside",
    "Settling",
    "Sheet",
    "Source",
    "StoredClone",
    "Stream",
    "StreamName",
    "Watch",
    "boot_id",
    "decode",
    "delivered",
    "directory_of",
    "lacking_room",
    "lane_of",
    "new_run",
    "orphans_of",
    "streams_in",
]
