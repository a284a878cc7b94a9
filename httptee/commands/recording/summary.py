"""What a recording adds up to, and the table of it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from httptee.recording import Exchange, Gap
from httptee.recording.formats import Source
from httptee.verdict.display import harmless

_SECOND = 1_000_000_000


@dataclass(slots=True)
class Summary:
    """One row. `size` is in bytes on the disk, `first` and `last` are arrivals in nanoseconds since the epoch."""

    name: str
    size: int
    exchanges: int = 0
    first: int = 0
    last: int = 0
    bodies: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    gaps: tuple[Gap, ...] = ()
    losses: Counter[str] = field(default_factory=Counter)

    def add(self, exchange: Exchange) -> None:
        """Count one exchange."""
        self.first = min(self.first, exchange.arrived) if self.exchanges else exchange.arrived
        self.last = max(self.last, exchange.arrived)
        self.exchanges += 1
        self.bodies += exchange.body.length + exchange.answer_body.length
        self.statuses[f"{exchange.status // 100}xx" if exchange.status else "none"] += 1

    @property
    def rate(self) -> float:
        """Exchanges a second."""
        span = (self.last - self.first) / _SECOND
        return (self.exchanges - 1) / span if span > 0 else 0.0


def summary_of(name: str, path: str) -> Summary:
    """Read the recording at a path. Raises OSError and ValueError."""
    source = Source([path])
    recording = source.recording
    made = Summary(name, os.stat(path).st_size if recording is None else recording.size)
    for exchange in source:
        made.add(exchange)
    made.losses = source.losses
    made.gaps = () if recording is None else recording.gaps
    return made


_COLUMNS = ("recording", "start", "end", "exchanges", "per s", "statuses", "bytes", "gaps")
_RIGHT = (3, 4, 6, 7)


def table(rows: Iterable[Summary]) -> list[str]:
    """The lines of the table, the first one with the names of the columns."""
    cells = [_COLUMNS, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(_COLUMNS))]
    return ["  ".join(_padded(row, widths)).rstrip() for row in cells]


def _padded(row: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if column in _RIGHT else cell.ljust(width)


def _cells(row: Summary) -> Sequence[str]:
    statuses = " ".join(f"{name}={count:,}" for name, count in sorted(row.statuses.items()))
    gaps = len(row.gaps) + sum(1 for count in row.losses.values() if count)
    known = row.exchanges > 0
    return (
        harmless(row.name),
        at(row.first) if known else "-",
        at(row.last) if known else "-",
        f"{row.exchanges:,}",
        f"{row.rate:,.1f}" if row.rate < 100 else f"{row.rate:,.0f}",
        statuses or "-",
        f"{row.size:,}",
        f"{gaps:,}",
    )


def at(nanoseconds: int) -> str:
    """A time for a person, in the local time zone, to the millisecond."""
    try:
        moment = datetime.fromtimestamp(nanoseconds // _SECOND)
    except (OverflowError, OSError, ValueError):
        return f"{nanoseconds} ns"
    return f"{moment:%Y-%m-%d %H:%M:%S}.{nanoseconds // 1_000_000 % 1000:03}"
