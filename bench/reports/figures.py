"""The figures of a measurement, their medians over the rounds, and the ratios between rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

ENOUGH = 0.999
"""The share of clones that B must get before a row's figures are compared with another's."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """One measurement, or the median of several. Latencies and CPU in µs, memory in bytes. None: it does not apply."""

    rate: float
    p50: float
    p99: float
    cpu: float | None
    memory: float | None


@dataclass(frozen=True)
class Sample:
    """One measurement: figures, errors, and the counts of the load, A and B (`b` is None where there is no B)."""

    figures: Figures
    errors: int
    requests: int
    a: int
    b: int | None

    @property
    def cut_off(self) -> int:
        """Clones that B did not get, up to the number of requests that A got and the load saw no answer to."""
        if self.b is None:
            return 0
        return max(0, min(self.a - self.b, self.a - self.requests))


def median(values: Sequence[float | None]) -> float | None:
    """The median of the values that were measured, None where there are none."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def medians(samples: Sequence[Any]) -> dict[str, Any]:
    """The median of each field of some dataclass objects, each field by itself."""
    columns = [asdict(sample) for sample in samples]
    return {name: median([column[name] for column in columns]) for name in columns[0]}


def share(counts: Sequence[tuple[int, int | None]]) -> float | None:
    """B's part of the requests of A, at most 1, from pairs of counts of A and B. None without a B."""
    counted = [(a, b) for a, b in counts if b is not None]
    total = sum(a for a, _ in counted)
    return min(1.0, sum(b for _, b in counted) / total) if total else None


@dataclass(frozen=True)
class Row:
    """All measurements of one subject under one load, or the reason why there are none.

    `tied`: the tee ends a clone when its client closes the connection.
    """

    subject: str
    samples: tuple[Sample, ...]
    reason: str = ""
    tied: bool = False

    @property
    def median(self) -> Figures | None:
        """The median of each figure by itself."""
        if not self.samples:
            return None
        return Figures(**medians([sample.figures for sample in self.samples]))

    @property
    def delivered(self) -> float | None:
        """The share of A's requests that B got too, over all rounds. None without a B.

        The base is A's count. The load closes its connections during its last requests, one on each connection. With
        the load's own count as the base, that number of lost clones would stay hidden.
        """
        return share([(sample.a, sample.b) for sample in self.samples])

    @property
    def cut_off(self) -> int:
        """Clones of a tied tee that B did not get because the load ended. For other tees every lost clone counts."""
        return sum(sample.cut_off for sample in self.samples) if self.tied else 0

    @property
    def errors(self) -> int:
        """Errors in all rounds."""
        return sum(sample.errors for sample in self.samples)

    @property
    def comparable(self) -> bool:
        """Whether this row's figures may be compared with another's."""
        if not self.samples or self.delivered is None:
            return bool(self.samples)
        return self.delivered + self.cut_off / sum(sample.a for sample in self.samples) >= ENOUGH


def ratio(row: Row, base: Row | None) -> dict[str, float | None] | str:
    """Each figure of `row` as a multiple of `base`'s, or the reason why they cannot be compared."""
    if base is None or base.median is None:
        return "not measured"
    if row.median is None:
        return row.reason
    for one in (row, base):
        if not one.comparable:
            whose = "B" if one is row else f"{base.subject}'s B"
            return f"{whose} got {percent(one.delivered)}"
    mine, other = asdict(row.median), asdict(base.median)
    return {name: mine[name] / other[name] if mine[name] is not None and other[name] else None for name in mine}


def percent(part: float | None) -> str:
    """A share as text, rounded down, so that only the whole is 100 %."""
    return "nothing" if part is None else f"{int(part * 1000) / 10:.1f} %"


def notes(row: Row) -> list[str]:
    """What limits the use of the row's figures."""
    found = []
    if row.reason and row.samples:
        found.append(f"some rounds are missing: {row.reason}")
    bad = sum(1 for sample in row.samples if sample.errors)
    if bad:
        found.append(f"{row.errors} errors in {bad} of {len(row.samples)} runs")
    if row.comparable and row.delivered is not None and row.delivered < ENOUGH:
        found.append(f"the {row.cut_off} clones missing are no more than the requests the load terminated at its end")
    return found


def row_json(row: Row, bases: Sequence[Row | None]) -> Json:
    """A row as it is saved: the medians, their ratios to each base, and every measurement."""
    return {
        "subject": row.subject,
        "reason": row.reason,
        "median": asdict(row.median) if row.median else None,
        "delivered": row.delivered,
        "errors": row.errors,
        "ratio": {base.subject: ratio(row, base) for base in bases if base is not None},
        "notes": notes(row),
        "samples": [asdict(sample) for sample in row.samples],
    }
