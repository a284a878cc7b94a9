"""A target's figure in the result of a run."""

from __future__ import annotations

from collections.abc import Callable

from .figures import ENOUGH, Json, percent

OURS = "httptee"

Measured = float | str | None
"""A figure, or the reason why there is none to compare, or None where it was not part of the run."""
Lookup = Callable[[Json], Measured]


def rows(result: Json, title: str) -> dict[str, Json]:
    """The rows of one table, by scenario or else by subject."""
    for table in result["tables"]:
        if table["title"] == title:
            return {row.get("scenario", row["subject"]): row for row in table["rows"]}
    return {}


def short_at_b(row: Json) -> str:
    """The reason not to compare a row whose B did not get its clones, or an empty text."""
    share = row["delivered"]
    return "" if (share or 0) >= ENOUGH else f"B got {percent(share)}"


def ratio(title: str, name: str, base: str) -> Lookup:
    """Our median under a load as a multiple of another's, if our B got its clones."""

    def measure(result: Json) -> Measured:
        found = rows(result, title)
        mine, other = found.get(OURS), found.get(base)
        if not mine or not other or not mine.get("median") or not other.get("median"):
            return None
        if reason := short_at_b(mine):
            return reason
        below: float | None = other["median"][name]
        above: float | None = mine["median"][name]
        return above / below if above is not None and below else None

    return measure


def errors(title: str) -> Lookup:
    """Our errors under a load."""

    def measure(result: Json) -> Measured:
        row = rows(result, title).get(OURS)
        return float(row["errors"]) if row and row.get("median") else None

    return measure
