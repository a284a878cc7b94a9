"""Figures as text: units, Markdown tables, and the heading of each table."""

from __future__ import annotations

from collections.abc import Callable

from ..programs.sessions import Sessions
from .figures import ENOUGH, Json

TIMES = "\N{MULTIPLICATION SIGN}"
NOTHING = "\N{EN DASH}"
COLUMNS = {"rate": "requests/s", "p50": "p50", "p99": "p99", "cpu": "CPU µs a request", "memory": "memory"}


def microseconds(value: float) -> str:
    """A latency in microseconds, milliseconds or seconds."""
    if value >= 1e6:
        return f"{value / 1e6:.2f} s"
    return f"{value / 1e3:.1f} ms" if value >= 10_000 else f"{value:,.0f} µs"


def megabytes(value: float) -> str:
    """A size in MB."""
    return f"{value / 1e6:,.1f} MB"


def speed(value: float) -> str:
    """A transfer's rate."""
    return f"{value / 1e6:,.0f} MB/s"


def multiple(value: float | None, base: float | None) -> str:
    """A figure as a multiple of another, or nothing where one of them is missing."""
    return f"{value / base:.2f}" if value is not None and base else ""


FORMATS: dict[str, Callable[[float], str]] = {
    "rate": lambda value: f"{value:,.0f}",
    "p50": microseconds,
    "p99": microseconds,
    "cpu": lambda value: f"{value:,.0f}",
    "memory": megabytes,
}


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table with padded cells, so that its source is readable too."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def ratio_text(row: Json, name: str) -> str:
    """One figure as multiples of every base's, or the reason why there are none."""
    parts = []
    for base, values in row["ratio"].items():
        if base == row["subject"]:
            parts.append(NOTHING)
        elif isinstance(values, str):
            parts.append(values)
        else:
            parts.append(NOTHING if values[name] is None else f"{values[name]:.2f}")
    # The same reason for every base is printed once.
    return " / ".join(parts if len(set(parts)) > 1 else parts[:1])


def figure(row: Json, name: str) -> str:
    """One figure with its ratios. A star refers to the notes."""
    value = row["median"][name]
    if value is None:
        return NOTHING
    text = FORMATS[name](value) + ("*" if row["notes"] else "")
    ratios = ratio_text(row, name)
    return text if ratios in ("", NOTHING) else f"{text} ({ratios})"


def delivered_text(row: Json) -> str:
    """The share of clones that B received, in bold where it is too small."""
    share = row.get("delivered")
    if share is None:
        return NOTHING
    text = f"{int(share * 10000) / 100:.2f} %"
    return text if share >= ENOUGH else f"**{text}**"


def table(
    title: str, header: list[str], cells: list[list[str]], rows: list[Json], sessions: Sessions | None = None
) -> Json:  # fmt: skip
    """A table as it is saved: its text, its rows, and the arrangement of sessions where it has programs."""
    arranged = {"sessions": sessions.value} if sessions else {}
    return {"title": title, **arranged, "header": header, "cells": cells, "rows": rows}


def heading(table: Json) -> str:
    """The title, with the arrangement of sessions where the table names one."""
    sessions = table.get("sessions")
    return f"{table['title']}, {Sessions(sessions).title}" if sessions else str(table["title"])


def table_text(table: Json) -> str:
    """A table under its heading. One without cells has the figures of tees in its rows."""
    return generic_table(table) if "cells" in table else tees_table(table)


def tees_table(table: Json) -> str:
    """The rows of one load."""
    rows = []
    for row in table["rows"]:
        if row["median"] is None:
            rows.append([row["subject"], *[""] * (len(COLUMNS) + 2), row["reason"]])
        else:
            cells = [figure(row, name) for name in COLUMNS]
            star = "* " if row["notes"] else ""
            note = star + "; ".join(row["notes"])
            rows.append([row["subject"], *cells, delivered_text(row), str(row["errors"]), note])
    bases = " / ".join(f"{TIMES} {base}" for base in table["rows"][0]["ratio"]) if table["rows"] else ""
    header = ["tee", *(f"{title} ({bases})" if bases else title for title in COLUMNS.values()), "clones at B"]
    return f"#### {heading(table)}\n\n{markdown([*header, 'errors', 'notes'], rows)}\n"


def generic_table(table: Json) -> str:
    """A table whose cells its scenario has written."""
    return f"#### {heading(table)}\n\n{markdown(table['header'], table['cells'])}\n"
