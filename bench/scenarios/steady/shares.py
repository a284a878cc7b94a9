"""The share of the clones that a healthy B got in each of many short rounds.

A median hides what is looked for here: a round in which B was not scheduled for a moment and lost a part of its clones.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...programs.backends import Backend
from ...programs.sessions import Sessions
from ...programs.subjects import Subject, running
from ...reports.figures import ENOUGH, Json, Sample, median
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import table
from ...reports.targets import Target
from ..rounds import Stage, Taken, interleaved
from ..sampling import Workload, sample
from ..scenario import Plan

TITLE = "{}: the share of the clones that B got, by round"
HEADER = ["load", "rounds", "worst", "median", f"below {ENOUGH:.1%}", "requests/s", "errors", "the lowest", "notes"]
SHOWN = 5


def below(workload: str) -> Lookup:
    """The number of rounds in which B got too few clones."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE.format(OURS)).get(workload)
        if row is None:
            return None
        return float(row["below"]) if row["shares"] else str(row["reason"])

    return measure


def targets(workloads: Sequence[Workload]) -> tuple[Target, ...]:
    """No round below `ENOUGH` under any load."""
    return tuple(
        Target(f"{one.title}: rounds in which B got less than {ENOUGH:.1%}", "steady", below(one.title), 0, most=True)
        for one in workloads
    )


def share_of(got: Sample, tied: bool) -> float:
    """B's part of A's requests in one round. A tied tee ends the clones of the requests that the load terminated."""
    if not got.a or got.b is None:
        return 0.0
    return min(1.0, (got.b + (got.cut_off if tied else 0)) / got.a)


def hundredths(part: float) -> str:
    """A share in hundredths of a percent, rounded down, so that only the whole is 100 %."""
    return f"{int(part * 10_000) / 100:.2f} %"


def tables(
    ready: Sequence[Stage[Backend]], subjects: Sequence[Subject], workloads: Sequence[Workload], plan: Plan
) -> list[Json]:
    """Every load in interleaved rounds, each with a new tee."""

    def measured(stage: Stage[Backend], workload: Workload, subject: Subject) -> Sample:
        with running(stage.workspace, subject, stage.a.port, stage.b.port) as tee:
            return sample(workload.by(stage.load), tee, plan, stage.a, stage.b)

    taken = interleaved(
        plan.rounds, ready, workloads, subjects, measured, lambda workload: workload.title,
        lambda got: f"{got.figures.rate:,.0f}/s, B got {got.b:,} of {got.a:,}",
    )  # fmt: skip
    return [share_table(subject, stage.sessions, workloads, taken) for subject in subjects for stage in ready]


def share_table(
    subject: Subject, sessions: Sessions, workloads: Sequence[Workload], taken: Taken[Workload, Sample]
) -> Json:
    """One subject's rows, a load in each."""
    lines, found = [], []
    for workload in workloads:
        got, reason = taken.row(sessions, workload, subject)
        shares = sorted(share_of(one, subject.tied) for one in got)
        row: Json = {
            "subject": subject.name, "scenario": workload.title, "reason": reason, "shares": shares,
            "below": sum(one < ENOUGH for one in shares), "errors": sum(one.errors for one in got),
            "rate": median([one.figures.rate for one in got]),
        }  # fmt: skip
        found.append(row)
        lines.append(cells(workload, row))
    return table(TITLE.format(subject.name), HEADER, lines, found, sessions)


def cells(workload: Workload, row: Json) -> list[str]:
    """A table row as text."""
    shares = row["shares"]
    if not shares:
        return [workload.title, *[""] * (len(HEADER) - 2), row["reason"]]
    return [
        workload.title, str(len(shares)), hundredths(shares[0]), hundredths(median(shares) or 0.0), str(row["below"]),
        f"{row['rate']:,.0f}", str(row["errors"]), ", ".join(map(hundredths, shares[:SHOWN])), row["reason"],
    ]  # fmt: skip
