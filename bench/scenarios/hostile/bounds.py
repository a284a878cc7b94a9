"""What hostile Bs and hostile clients have in common: the paces of the ordinary load, and its bounds beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...programs.load import CASES, Load
from ...reports.figures import Figures, Json
from ...reports.lookups import Lookup, Measured, rows
from ...reports.tables import TIMES
from ...reports.targets import Target
from ..sampling import Apply, Workload

RATE = 400
"""Requests a second of the fixed pace: far below a tee's full rate, so that p99 shows stalls and not queues."""
FULL = Workload(CASES["get"], 32)
P99_TIMES = 1.3
P99_MORE = 2000.0  # µs
RATE_TIMES = 0.9


@dataclass(frozen=True)
class Pace:
    """How the ordinary clients send."""

    key: str
    title: str
    by: Callable[[Load], Apply]


def _fixed(load: Load) -> Apply:
    return lambda url, seconds: load.paced(url, RATE, seconds)


PACES = {
    "fixed": Pace("fixed", f"at {RATE} requests/s", _fixed),
    "full": Pace("full", f"at full rate, {FULL.connections} connections", FULL.by),
}


def against(got: Figures | None, base: Figures | None) -> Json | None:
    """Rate as a multiple of the base's, and the µs by which p99 is over `P99_TIMES` times the base's.

    A load without one answer has no latencies, and its p99 of 0 is not a good one: `over` is None.
    """
    if got is None or base is None or not base.rate:
        return None
    return {"rate": got.rate / base.rate, "over": got.p99 - P99_TIMES * base.p99 if got.rate else None}


def compared(title: str, key: str, name: str) -> Lookup:
    """A figure of `against` from a row's `against` in a table."""

    def measure(result: Json) -> Measured:
        row = rows(result, title).get(key)
        if row is None:
            return None
        if row["against"] is None:
            return str(row["reason"] or "no figures to compare with")
        value: float | None = row["against"][name]
        return "no request was answered" if value is None else value

    return measure


def targets(kind: str, title: Callable[[Pace], str], keys: Sequence[tuple[str, str]], base: str) -> tuple[Target, ...]:
    """p99 and rate at both paces, for the (key, text) of each row. `base` is what they are compared with."""
    return tuple(
        target
        for key, text in keys
        for pace in PACES.values()
        for target in (
            Target(f"{text}, {pace.title}: p99 over {P99_TIMES} {TIMES} {base}, ms", kind,
                   compared(title(pace), key, "over"), P99_MORE, most=True, unit=1e3),
            Target(f"{text}, {pace.title}: requests/s, {TIMES} {base}", kind,
                   compared(title(pace), key, "rate"), RATE_TIMES),
        )
    )  # fmt: skip


def held(against: Json | None) -> str:
    """A table's cell: whether both bounds hold."""
    if against is None:
        return ""
    missed = [
        *(["p99"] if against["over"] is None or against["over"] > P99_MORE else []),
        *(["rate"] if against["rate"] < RATE_TIMES else []),
    ]
    return "no: " + ", ".join(missed) if missed else "yes"
