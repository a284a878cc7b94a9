"""Two tees that both run, under a load that alternates between them in short windows.

The speed of a machine drifts by a tenth within seconds. Two windows, one behind the other, see about the same speed. So
the ratio of two such windows says more than the ratio of two medians. A tee without a load takes next to no CPU time,
and between two windows the counts of the servers come to rest, and with them what a tee does later.

One start of a program is quicker than the next by some hundredths for as long as it runs. So each round starts both
tees anew, its pairs give one ratio, and the error is that of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import pi, sqrt
from typing import Protocol, TypeVar

from ...errors import BenchError
from ...programs.backends import Backend
from ...programs.sessions import Sessions
from ...reports.figures import ENOUGH, Json, Row, Sample, median, percent, row_json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import NOTHING, TIMES, delivered_text, megabytes, microseconds, table
from ...reports.targets import Target
from ..rounds import Stage, progress, rotated
from ..scenario import positive

What = TypeVar("What", bound="Condition")

_MEDIAN = sqrt(pi / 2)  # the error of a median, as a multiple of that of a mean
HEADER = ["requests/s", f"{TIMES} without", "p99", f"{TIMES} without", "CPU µs a request", f"{TIMES} without",
          "memory", "clones at B", "errors", "counted"]  # fmt: skip
_FIGURES = ("rate", "p99", "cpu", "memory")
_MADE = ("rate", "p99", "cpu")


class Condition(Protocol):
    """What both tees are measured under. `cells` are its columns in the table, and `key` is for lookups."""

    @property
    def key(self) -> str:
        """Unique in a table."""

    @property
    def cells(self) -> list[str]:
        """As text."""


@dataclass(frozen=True)
class Pair:
    """Two windows, one behind the other: one of the tee without, and one of the tee with what is measured."""

    without: Sample
    having: Sample


@dataclass(frozen=True)
class Paired:
    """All pairs of one row by round, what is missing in the counts, as text, and the reason of a row with missing
    pairs."""

    rounds: Sequence[Sequence[Pair]] = ()
    wrong: Sequence[str] = ()
    reason: str = ""

    def rows(self, names: tuple[str, str], scenario: str) -> list[Json]:
        """The figures of both tees, and those of the second as multiples of the first's: medians over the rounds."""
        pairs = [pair for each in self.rounds for pair in each]
        without = Row(names[0], tuple(pair.without for pair in pairs), self.reason)
        having = Row(names[1], tuple(pair.having for pair in pairs), self.reason)
        compared = {
            "scenario": scenario,
            "without": self.ratios(),
            "wrong": sorted(set(filter(None, [*self.wrong, self.reason]))),
        }
        return [{**row_json(without, []), "scenario": f"{scenario}, without"}, {**row_json(having, []), **compared}]

    def ratios(self) -> dict[str, tuple[float, float | None]] | None:
        """The median of each ratio over the rounds, and its standard error if there are several. In a round, it is the
        median of its pairs."""
        if not self.rounds:
            return None
        found = {}
        for name in _FIGURES:
            each = [median([_ratio(pair, name) for pair in pairs]) for pairs in self.rounds]
            known = [ratio for ratio in each if ratio is not None]
            if known:
                error = _MEDIAN * statistics.stdev(known) / sqrt(len(known)) if len(known) > 1 else None
                found[name] = statistics.median(known), error
        return found


def _cells(row: Json) -> list[str]:
    """The figures of a row as text, or its reason."""
    got, against = row["median"], _times(row)
    if got is None:
        return [*[""] * (len(HEADER) - 1), row["reason"]]
    return [
        f"{got['rate']:,.0f}", against["rate"], microseconds(got["p99"]), against["p99"], f"{got['cpu']:,.0f}",
        against["cpu"], megabytes(got["memory"]), delivered_text(row), str(row["errors"]),
        "; ".join(row["wrong"]) or "all",
    ]  # fmt: skip


def _against(title: str, condition: Condition, name: str) -> Lookup:
    """A figure as a multiple of the one without, if everything was counted and B got its clones."""

    def measure(result: Json) -> Measured:
        row = rows(result, title).get(condition.key)
        if not row or not row["without"]:
            return None
        if row["errors"] or row["wrong"]:
            return f"{row['errors']} errors; {'; '.join(row['wrong'])}"
        if row["delivered"] is not None and row["delivered"] < ENOUGH:  # who drops clones is quicker
            return f"B got {percent(row['delivered'])}"
        return float(row["without"][name][0])

    return measure


def _times(row: Json) -> dict[str, str]:
    """The ratios of a row as text."""
    found, texts = row["without"] or {}, dict.fromkeys(_MADE, NOTHING)
    for name in _MADE:
        if name in found:
            ratio, error = found[name]
            texts[name] = f"{ratio:.2f}" if error is None else f"{ratio:.2f} ± {error:.2f}"
    return texts


def alternate(windows: int, without: Callable[[], Sample], having: Callable[[], Sample]) -> list[Pair]:
    """So many pairs of windows. Each begins with the tee with which the one before has ended."""
    pairs = []
    for number in range(windows):
        if number % 2:
            second = having()
            first = without()
        else:
            first = without()
            second = having()
        pairs.append(Pair(first, second))
    return pairs


def in_rounds(
    rounds: int,
    stages: Sequence[Stage[Backend]],
    whats: Sequence[What],
    measure: Callable[[Stage[Backend], What], Paired],
) -> dict[tuple[Sessions, What], Paired]:
    """Every row in every round. A row whose measurement raises BenchError keeps the reason."""
    found: dict[tuple[Sessions, What], Paired] = {}
    for number in range(rounds):
        for what in rotated(whats, number):
            for stage in rotated(stages, number):
                try:
                    got = measure(stage, what)
                    told = "; ".join(f"{name} {text}" for name, text in _times({"without": got.ratios()}).items())
                except BenchError as error:
                    got, told = Paired(reason=str(error)), str(error)
                before = found.get((stage.sessions, what), Paired())
                found[stage.sessions, what] = Paired(
                    [*before.rounds, *got.rounds], [*before.wrong, *got.wrong], before.reason or got.reason
                )
                progress(f"round {number + 1} of {rounds}: {what.key}, {stage.sessions.title}: {told}")
    return found


def table_of(
    title: str,
    header: list[str],
    sessions: Sessions,
    found: dict[tuple[Sessions, What], Paired],
    names: tuple[str, str],
) -> Json:
    """The table of one arrangement of sessions: both tees in every condition. The columns of the condition come first,
    then those of `HEADER`."""
    cells, figures = [], []
    for condition in [each for arranged, each in found if arranged is sessions]:
        without, having = found[sessions, condition].rows(names, condition.key)
        figures += [without, having]
        cells.append([*condition.cells, *_cells(having)])
    return table(title, [*header, *HEADER], cells, figures, sessions)


def targets(kind: str, title: str, conditions: Sequence[Condition]) -> tuple[Target, ...]:
    """The aims of a scenario: at least 0.95 of the rate, and at most 1.1 of the 99th percentile."""
    return tuple(
        target
        for each in conditions
        for target in (
            Target(f"{kind}, {each.key}: requests/s, {TIMES} without", kind, _against(title, each, "rate"), 0.95),
            Target(f"{kind}, {each.key}: p99, {TIMES} without", kind, _against(title, each, "p99"), 1.1, True),
        )
    )


def add_windows(parser: argparse.ArgumentParser) -> None:
    """Add the number of windows."""
    parser.add_argument(
        "--windows", type=positive, default=3,
        help="pairs of windows in a round, one of each tee (default: %(default)s)",
    )  # fmt: skip


def _ratio(pair: Pair, name: str) -> float | None:
    mine, base = asdict(pair.having.figures)[name], asdict(pair.without.figures)[name]
    return mine / base if mine and base else None
