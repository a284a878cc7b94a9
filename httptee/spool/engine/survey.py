"""What an engine says of a spool, for people: what waits, what became of the rest, and what was set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from httptee.journal.engines import Engine, Entry
from httptee.spool import MalformedClone, SetAside
from httptee.spool.engine.look import GROUP
from httptee.spool.engine.parcel import unpacked
from httptee.spool.engine.place import Gap, counts_in, gap_in, lows_in


@dataclass(slots=True)
class Survey:
    """`oldest` is when the first clone came that waits, in nanoseconds since the epoch, or 0. `counts` has the outcomes
    of all tees, and `gap` what never came."""

    waiting: int = 0
    oldest: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    gap: Gap = field(default_factory=lambda: Gap(0, 0, 0))
    aside: list[SetAside] = field(default_factory=list)


def survey(engine: Engine) -> Survey:
    """Ask an engine, and change nothing. Raises Unavailable, and ValueError for a state of another version."""
    found = Survey(engine.depth(GROUP))
    member = engine.join(GROUP)  # one that does not read takes no partition
    gaps = []
    for partition in range(engine.partitions):
        state = member.load(partition)
        for counted in counts_in(state).values():
            found.counts.update(counted)
        gaps.append(gap_in(state))
        if found.waiting and (stamp := _oldest(engine, partition, lows_in(state))):
            found.oldest = min(found.oldest or stamp, stamp)
    found.gap = _sum(gaps)
    found.aside = [one for entry, reason in engine.apart() if (one := _set_aside(entry, reason)) is not None]
    return found


def _oldest(engine: Engine, partition: int, lows: Mapping[str, int]) -> int:
    for entry in engine.scan(partition):
        if isinstance(entry, Entry) and entry.message.number > lows.get(entry.message.writer, 0):
            return entry.message.stamp
    return 0


def _sum(gaps: list[Gap]) -> Gap:
    real = [gap for gap in gaps if gap.count]
    count, until = sum(gap.count for gap in real), max((gap.until for gap in real), default=0)
    return Gap(count, min((gap.since for gap in real), default=0), until)


def _set_aside(entry: Entry, reason: str) -> SetAside | None:
    try:
        name, clone = unpacked(entry.message.payload)
    except MalformedClone:
        return None
    came = entry.message.stamp / 1e9
    return SetAside(name, reason, came, came, clone)
