"""The result of a run: its JSON file, its text, and its section in docs/performance.md."""

from __future__ import annotations

import datetime
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path

from ..errors import BenchError
from ..programs.sessions import autogroup
from . import chart
from .figures import Json
from .tables import table_text


def machine() -> Json:
    """The properties of this machine that its figures depend on."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "autogroup": autogroup(),
    }


def document(kind: str, tables: list[Json], settings: Json) -> Json:
    """A run as it is saved."""
    when = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0).isoformat()
    return {"kind": kind, "when": when, "machine": machine(), "settings": settings, "tables": tables}


def text(result: Json) -> str:
    """A run as text."""
    where, settings = dict(result["machine"]), result["settings"]
    if "autogroup" in where:
        settings = {**settings, "autogroup": where["autogroup"]}
    told = ", ".join(f"{name} {value}" for name, value in settings.items())
    head = (
        f"Run of {result['when'][:10]}: {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, "
        f"Python {where['python']}; {told}.\n"
    )
    return "\n".join([head, *map(table_text, result["tables"])])


def save(result: Json, path: Path) -> None:
    """Write a run to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load(path: Path) -> Json:
    """Read a run from a file. Raises BenchError where it is none."""
    try:
        result: Json = json.loads(path.read_text(encoding="utf-8"))
        result["kind"], result["tables"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{path} is no result of this bench: {error}") from error
    return result


def splice(page: str, kind: str, content: str) -> str:
    """`page` with `content` between the markers of `kind`."""
    begin, end = f"<!-- bench:{kind} -->", f"<!-- /bench:{kind} -->"
    before, found, rest = page.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise BenchError(f"the page has no section for this run: it needs {begin} and {end}")
    return f"{before}{begin}\n\n{content.strip()}\n\n{end}{after}"


def publish(results: Sequence[Json], page: Path) -> None:
    """Write results into the page, and draw the chart next to it."""
    for result in results:
        filled = splice(page.read_text(encoding="utf-8"), result["kind"], text(result))
        page.write_text(filled, encoding="utf-8")
        if result["kind"] == "tees":
            chart.draw(result, page.with_suffix(".svg"))
