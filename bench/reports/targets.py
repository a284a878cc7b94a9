"""The targets of httptee: each with its bound, beside the figure of a run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..programs.sessions import Sessions
from .figures import Json
from .lookups import Lookup, Measured
from .tables import NOTHING, markdown

MEGABYTES_16 = 16e6


@dataclass(frozen=True)
class Target:
    """One line: a figure in a run of `kind`, and its bound. With `most` the bound is the largest good value."""

    text: str
    kind: str
    measure: Lookup
    bound: float
    most: bool = False
    unit: float = 1.0

    def holds(self, value: float) -> bool:
        """Whether a value meets the bound."""
        return value <= self.bound if self.most else value >= self.bound

    def cells(self, value: Measured) -> list[str]:
        """The measured value, and whether it holds."""
        if isinstance(value, float):
            return [f"{value / self.unit:.2f}", "yes" if self.holds(value) else "no"]
        return [value or NOTHING, "no" if value else "not measured"]


def measured_in(result: Json, sessions: Sessions) -> Json:
    """The part of a result that was measured in this arrangement. A table that names none is of one session."""
    tables = [table for table in result["tables"] if table.get("sessions", Sessions.ONE.value) == sessions.value]
    return {**result, "tables": tables}


def verdicts(targets: Iterable[Target], results: Iterable[Json]) -> str:
    """Every target as a line of a table, with two columns for each arrangement of sessions that was measured."""
    by_kind = {result["kind"]: result for result in results}
    parts = [{kind: measured_in(result, each) for kind, result in by_kind.items()} for each in Sessions]
    shown = [
        (sessions, part)
        for sessions, part in zip(Sessions, parts, strict=True)
        if any(result["tables"] for result in part.values())
    ]
    cells = []
    for target in targets:
        bound = f"{'at most' if target.most else 'at least'} {target.bound / target.unit:g}"
        line = [target.text, bound]
        for _, part in shown:
            line += target.cells(target.measure(part[target.kind]) if target.kind in part else None)
        cells.append(line)
    header = ["what", "bound"]
    for sessions, _ in shown:
        header += [sessions.title, "holds"]
    return markdown(header, cells)
