"""What waits in the engine of a spool, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.commands.spool.looking import aside_line, moment
from httptee.journal.engines import open_engine
from httptee.spool import SetAside
from httptee.spool.engine import Survey, survey
from httptee.verdict.display import harmless


def engine_lines(address: str) -> Iterator[tuple[str, str]]:
    """What `ls` shows of a topic: kind and text of each line. Raises Unavailable, ValueError."""
    label, found = _asked(address)
    since = f", the oldest from {moment(found.oldest)}" if found.oldest else ""
    yield "head", f"{harmless(label)}: {found.waiting:,} clones of all tees{since}"
    parts = ("delivered", "failed", "dropped")
    sums = {part: sum(count for outcome, count in found.counts.items() if outcome.startswith(part)) for part in parts}
    yield "plain", "  " + ", ".join(f"{count:,} {part}" for part, count in sums.items())
    if gap := found.gap.count:
        times = f"from {moment(found.gap.since)} to {moment(found.gap.until)}"
        yield "error", f"  {gap:,} of those dropped were missing in the engine; they came {times}"
    for one in found.aside:
        yield "plain", aside_line(one)


def apart_in(address: str) -> list[SetAside]:
    """The requests that were set aside. Raises Unavailable, ValueError."""
    return _asked(address)[1].aside


def _asked(address: str) -> tuple[str, Survey]:
    engine = open_engine(address)
    try:
        return engine.label, survey(engine)
    finally:
        engine.close()
