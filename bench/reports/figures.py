"""The figures: what one run measured, their median over the rounds, and the ratios between rows."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

ENOUGH = 0.999
"""The share of clones B must have received for a row's figures to be compared with another's."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Figures:
    """One run, or the median of several. What does not apply is None: no tee has no CPU time."""

    rate: float
    p50: float
    p99: float
    cpu: float | None
    memory: float | None


@dataclass(frozen=True)
class Sample:
    """One run: its figures, what went wrong, and what A and B counted (`b` is None where there is no B)."""

    figures: Figures
    errors: int
    requests: int
    a: int
    b: int | None

    @property
    def cut_off(self) -> int:
        """Clones missing at B, up to as many as requests that A received and the load did not see answered."""
        if self.b is None:
            return 0
        return max(0, min(self.a - self.b, self.a - self.requests))


def median(values: Sequence[float | None]) -> float | None:
    """The median of what was measured, if anything was."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


@dataclass(frozen=True)
class Row:
    """All runs of one subject under one load, or the reason there are none.

    `tied` says of a tee that it ends a clone when its client hangs up.
    """

    subject: str
    samples: tuple[Sample, ...]
    reason: str = ""
    tied: bool = False

    @property
    def median(self) -> Figures | None:
        """Each figure's median by itself."""
        if not self.samples:
            return None
        runs = [sample.figures for sample in self.samples]
        return Figures(
            rate=statistics.median(run.rate for run in runs),
            p50=statistics.median(run.p50 for run in runs),
            p99=statistics.median(run.p99 for run in runs),
            cpu=median([run.cpu for run in runs]),
            memory=median([run.memory for run in runs]),
        )

    @property
    def delivered(self) -> float | None:
        """The share of A's requests that B received as well, over all rounds; None without a B.

        The base is what A received, not what the load saw answered: the load hangs up in the middle of its last
        requests, as many as it has connections, and counting those only at B would cover up as many lost clones.
        """
        counted = [(sample.a, sample.b) for sample in self.samples if sample.b is not None]
        total = sum(a for a, _ in counted)
        return min(1.0, sum(b for _, b in counted) / total) if total else None

    @property
    def cut_off(self) -> int:
        """Clones of a tied tee that B missed because the load hung up; any other tee has no such excuse."""
        return sum(sample.cut_off for sample in self.samples) if self.tied else 0

    @property
    def errors(self) -> int:
        """Errors in all rounds."""
        return sum(sample.errors for sample in self.samples)

    @property
    def comparable(self) -> bool:
        """Whether this row's figures may be set against another's."""
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


def percent(share: float | None) -> str:
    """A share as text, rounded down: what is not quite whole must not look so."""
    return "nothing" if share is None else f"{int(share * 1000) / 10:.1f} %"


def notes(row: Row) -> list[str]:
    """What a reader must know before using the row's figures."""
    found = []
    if row.reason and row.samples:
        found.append(f"some rounds are missing: {row.reason}")
    bad = sum(1 for sample in row.samples if sample.errors)
    if bad:
        found.append(f"{row.errors} errors in {bad} of {len(row.samples)} runs")
    if row.comparable and row.delivered is not None and row.delivered < ENOUGH:
        found.append(f"the {row.cut_off} clones missing are no more than the requests the load hung up on at its end")
    return found


def row_json(row: Row, bases: Sequence[Row | None]) -> Json:
    """A row as it is written down: the medians, their ratios to each base, and every run."""
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
