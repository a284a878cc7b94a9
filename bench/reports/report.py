"""Results as text: Markdown tables, and their place in docs/performance.md."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path

from ..programs.processes import BenchError
from .figures import ENOUGH, Json

TIMES = "\N{MULTIPLICATION SIGN}"
NOTHING = "\N{EN DASH}"
COLUMNS = {"rate": "requests/s", "p50": "p50", "p99": "p99", "cpu": "CPU µs a request", "memory": "memory"}


def microseconds(value: float) -> str:
    """A latency in the unit it reads best in."""
    if value >= 1e6:
        return f"{value / 1e6:.2f} s"
    return f"{value / 1e3:.1f} ms" if value >= 10_000 else f"{value:,.0f} µs"


def megabytes(value: float) -> str:
    """A size in MB."""
    return f"{value / 1e6:,.1f} MB"


FORMATS: dict[str, Callable[[float], str]] = {
    "rate": lambda value: f"{value:,.0f}",
    "p50": microseconds,
    "p99": microseconds,
    "cpu": lambda value: f"{value:,.0f}",
    "memory": megabytes,
}


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table, padded so that it reads well before it is rendered too."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return "\n".join([line(header), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows)])


def ratio_text(row: Json, name: str) -> str:
    """One figure as multiples of every base's, or what stands in their place."""
    parts = []
    for base, values in row["ratio"].items():
        if base == row["subject"]:
            parts.append(NOTHING)
        elif isinstance(values, str):
            parts.append(values)
        else:
            parts.append(NOTHING if values[name] is None else f"{values[name]:.2f}")
    # One reason is enough where the same one stands in place of every ratio.
    return " / ".join(parts if len(set(parts)) > 1 else parts[:1])


def figure(row: Json, name: str) -> str:
    """One figure with its ratios; a star sends the reader to the notes."""
    value = row["median"][name]
    if value is None:
        return NOTHING
    text = FORMATS[name](value) + ("*" if row["notes"] else "")
    ratios = ratio_text(row, name)
    return text if ratios in ("", NOTHING) else f"{text} ({ratios})"


def delivered_text(row: Json) -> str:
    """What B received; short of everything in bold."""
    share = row.get("delivered")
    if share is None:
        return NOTHING
    text = f"{int(share * 10000) / 100:.2f} %"
    return text if share >= ENOUGH else f"**{text}**"


def tees_table(table: Json) -> str:
    """One load's rows."""
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
    return f"#### {table['title']}\n\n{markdown([*header, 'errors', 'notes'], rows)}\n"


def generic_table(table: Json) -> str:
    """A table that its run has already put in words."""
    return f"#### {table['title']}\n\n{markdown(table['header'], table['cells'])}\n"


def machine() -> Json:
    """Where a run took place, as far as it matters for its figures."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def document(kind: str, tables: list[Json], settings: Json) -> Json:
    """A run as it is written down."""
    when = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0).isoformat()
    return {"kind": kind, "when": when, "machine": machine(), "settings": settings, "tables": tables}


def text(result: Json) -> str:
    """A run as it is read."""
    where, settings = result["machine"], result["settings"]
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    head = (
        f"Run of {result['when'][:10]}: {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, "
        f"Python {where['python']}; {told}.\n"
    )
    show = tees_table if result["kind"] == "tees" else generic_table
    return "\n".join([head, *[show(table) for table in result["tables"]]])


def save(result: Json, path: Path) -> None:
    """Write a run down."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Json:
    """A run that was written down."""
    try:
        result: Json = json.loads(path.read_text(encoding="utf-8"))
        result["kind"], result["tables"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path} is no result of this bench: {error}") from error
    return result


def splice(page: str, kind: str, content: str) -> str:
    """`page` with what stands between the markers of `kind` replaced by `content`."""
    begin, end = f"<!-- bench:{kind} -->", f"<!-- /bench:{kind} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise BenchError(f"the page has no place for this run: it needs {begin} and {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"
