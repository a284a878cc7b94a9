"""Hostile Bs: A's clients beside each, in comparison with a B that answers `ok`. A part of the isolation scenario.

All Bs are the same program (`programs/hostile`), so that a B's own CPU time is the same but for its answer. It shares
the machine with the tee, so the table has it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ...programs import measure
from ...programs.backends import Backend
from ...programs.hostile.backend import HostileBackend, hostile_backend
from ...programs.sessions import Sessions
from ...programs.subjects import Subject
from ...programs.watched import Watched, fates, watched
from ...reports.figures import Figures, Json, Row, Sample
from ...reports.lookups import OURS
from ...reports.tables import NOTHING, TIMES, megabytes, microseconds, table
from ..rounds import Stage, Taken, interleaved
from ..sampling import sample
from ..scenario import Plan
from .bounds import P99_MORE, P99_TIMES, PACES, Pace, against, held, targets


@dataclass(frozen=True)
class HostileB:
    """One B: the server's mode, and options for httptee."""

    key: str
    title: str
    mode: str
    options: tuple[str, ...] = ()

    @property
    def scheme(self) -> str | None:
        """The scheme of its address where only httptee can be given it."""
        return "https" if self.mode == "refused-tls" else None


UNBROKEN = ("-b.breaker-failures", "0")
HOSTILE = {
    each.key: each
    for each in (
        HostileB("ok", "`ok`", "ok"),
        HostileB("many-fields", "16,000 fields `a:`", "many-fields"),
        HostileB("wide-fields", "a head of 64 KB, one field has 60 KB", "wide-fields"),
        HostileB("tiny-chunks", "174 KB in chunks of one byte", "tiny-chunks"),
        HostileB("extensions", "chunks with extensions of 3 KB", "extensions"),
        HostileB("endless-body", "chunks of one byte for ever", "endless-body"),
        HostileB(
            "endless-body-unbroken",
            "chunks of one byte for ever, breaker off",
            "endless-body",
            ("-b.breaker-failures", "0"),
        ),
        HostileB("endless-1xx", "1xx answers for ever", "endless-1xx"),
        HostileB(
            "endless-1xx-unbroken", "1xx answers for ever, breaker off", "endless-1xx", ("-b.breaker-failures", "0")
        ),
        HostileB("refused-tls", "every TLS handshake is broken off", "refused-tls"),
        HostileB(
            "refused-tls-unbroken",
            "every TLS handshake is broken off, breaker off",
            "refused-tls",
            ("-b.breaker-failures", "0"),
        ),
    )
}
HEADER = ["B answers", "requests/s", f"{TIMES} ok", "p99", f"bound ({P99_TIMES:g} {TIMES} ok + {P99_MORE / 1e3:g} ms)",
          "holds", "CPU µs a request", "B's CPU, cores", "memory", "clones", "notes"]  # fmt: skip


def title_of(subject: str, pace: Pace) -> str:
    """The title of a table."""
    return f"{subject}: A's clients beside a hostile B, {pace.title}"


TARGETS = targets(
    "isolation", lambda pace: title_of(OURS, pace),
    [(key, f"B: {each.title}") for key, each in HOSTILE.items() if key != "ok"], "ok",
)  # fmt: skip


@dataclass(frozen=True)
class Beside:
    """One measurement beside a hostile B: A's clients, the cores that B used, and the clones by what became of them."""

    sample: Sample
    b_cores: float
    clones: dict[str, int]


What = tuple[HostileB, Pace]


def beside(stage: Stage[Backend], b: HostileBackend, pace: Pace, plan: Plan, tee: Watched) -> Beside:
    """Load a tee beside a hostile B."""
    before = measure.cpu_seconds(b.process.group)
    got = sample(pace.by(stage.load), tee.tee, plan, stage.a, b)
    used = measure.cpu_seconds(b.process.group) - before
    return Beside(got, used / (plan.warmup + plan.seconds), fates(tee.ledger()))


def measured(stage: Stage[Backend], what: What, subject: Subject, plan: Plan) -> Beside:
    """Start B and the tee, and load it."""
    each, pace = what
    with hostile_backend(stage.workspace, each.mode) as b:
        url = b.url if each.scheme else None
        with watched(stage.workspace, subject, stage.a.port, b.port, *each.options, b_url=url) as tee:
            return beside(stage, b, pace, plan, tee)


def tables(
    ready: Sequence[Stage[Backend]], subjects: Sequence[Subject], keys: Sequence[str], paces: Sequence[str], plan: Plan
) -> list[Json]:
    """Every hostile B at every pace, in interleaved rounds with the B that answers `ok`."""
    chosen = [each for key, each in HOSTILE.items() if key in {"ok", *keys}]
    whats = [(each, PACES[pace]) for pace in paces for each in chosen]
    taken = interleaved(
        plan.rounds, ready, whats, subjects, lambda stage, what, subject: measured(stage, what, subject, plan),
        lambda what: f"{what[0].key}, {what[1].title}",
        lambda got: f"{got.sample.figures.rate:,.0f}/s, p99 {microseconds(got.sample.figures.p99)}",
    )  # fmt: skip
    return [
        hostile_table(subject, stage.sessions, chosen, PACES[pace], taken)
        for subject in subjects
        for stage in ready
        for pace in paces
    ]


def hostile_table(
    subject: Subject, sessions: Sessions, chosen: Sequence[HostileB], pace: Pace, taken: Taken[What, Beside]
) -> Json:
    """One subject's rows at one pace."""
    lines, found = [], []
    base: Figures | None = None
    for each in chosen:
        got, reason = taken.row(sessions, (each, pace), subject)
        figures = Row(subject.name, tuple(one.sample for one in got)).median
        base = figures if each.key == "ok" else base
        clones: Counter[str] = Counter()
        for one in got:
            clones.update(one.clones)
        row: Json = {
            "subject": subject.name, "scenario": each.key, "median": asdict(figures) if figures else None,
            "against": against(figures, base), "reason": reason, "errors": sum(one.sample.errors for one in got),
            "b_cores": max((one.b_cores for one in got), default=None), "clones": dict(clones),
            "samples": [asdict(one) for one in got],
        }  # fmt: skip
        found.append(row)
        lines.append(cells(each, row, base))
    return table(title_of(subject.name, pace), HEADER, lines, found, sessions)


def cells(each: HostileB, row: Json, base: Figures | None) -> list[str]:
    """A table row as text."""
    got, compared = row["median"], row["against"]
    if got is None:
        return [each.title, *[""] * (len(HEADER) - 2), row["reason"]]
    errors = f"{row['errors']} errors" if row["errors"] else ""
    return [
        each.title, f"{got['rate']:,.0f}", f"{compared['rate']:.2f}" if compared else "", microseconds(got["p99"]),
        microseconds(P99_TIMES * base.p99 + P99_MORE) if base else "", held(compared),
        f"{got['cpu']:,.0f}", f"{row['b_cores']:.2f}", megabytes(got["memory"]),
        ", ".join(f"{name} {number:,}" for name, number in row["clones"].items()) or NOTHING,
        "; ".join(filter(None, [errors, row["reason"]])),
    ]  # fmt: skip
