"""Whether a recording is whole: everything is read, and what is missing is named as an interval of time."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.commands.recording.summary import Summary, at
from httptee.recording import Gap
from httptee.verdict.display import harmless

_MILLISECOND = 1_000_000
_REASONS = {
    "damaged": "damaged on the disk",
    "lost": "the file has no end: its process was killed, or the end is damaged",
    "removed": "removed from the outbox by its limits, before the engine had them",
    "too_large": "too large for the engine",
    "gone": "gone from the topic",
}


def whole(row: Summary) -> bool:
    """Whether nothing is missing."""
    return not row.gaps and not any(row.losses.values())


def findings(row: Summary) -> Iterator[tuple[str, str]]:
    """Kind and text of each line: a line for the recording, and one for each thing that is missing."""
    times = f", from {at(row.first)} to {at(row.last)}" if row.exchanges else ""
    said = "whole" if whole(row) else "not whole"
    yield ("title" if whole(row) else "error"), f"{harmless(row.name)}: {said}, {row.exchanges:,} exchanges{times}"
    for gap in row.gaps:
        yield "error", f"  {missing(gap)}"
    for text, count in sorted(row.losses.items()):
        if count:
            yield "error", f"  {count:,} {text}"


def missing(gap: Gap) -> str:
    """What is missing, in words: when, how many, and why."""
    return f"missing {_interval(gap)}: {_lost(gap)}"


def _interval(gap: Gap) -> str:
    if gap.first == gap.last and gap.reason == "gone":  # it is not known when the first of them arrived
        return f"up to {at(gap.last)}"
    if gap.first == gap.last:
        return f"at {at(gap.first)}"
    length = (gap.last - gap.first) / _MILLISECOND
    shown = f"{length:,.3g} ms" if length < 1000 else f"{length / 1000:,.1f} s"
    return f"from {at(gap.first)} to {at(gap.last)} ({shown})"


def _lost(gap: Gap) -> str:
    count = "an unknown number of exchanges" if gap.lost is None else f"{gap.lost:,} exchange{'s' * (gap.lost != 1)}"
    return f"{count}, {_REASONS.get(gap.reason, harmless(gap.reason))}"
