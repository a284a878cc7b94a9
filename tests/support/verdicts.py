"""Reads what a running tee says about its Bs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from httptee.verdict.evidence import Unreadable, read_verdict

from .net import eventually
from .process import clean_environment


def reports(directory: Path | str) -> list[dict[str, Any]]:
    """The latest reports of all Bs; none if there is no report yet."""
    try:
        found: list[dict[str, Any]] = read_verdict(str(directory))["reports"]
    except (Unreadable, ValueError, KeyError):
        return []
    return found


def report(directory: Path | str, backend: str = "") -> dict[str, Any]:
    """The latest report of a B, or of the only one; empty if there is none yet."""
    found = [one for one in reports(directory) if backend in ("", one["backend"])]
    return found[0] if found else {}


def findings(directory: Path | str, backend: str = "") -> dict[tuple[str, str, str, str], str]:
    """What each difference is held to be, by route, part, path and kind."""
    return {
        (route["route"], one["part"], one["path"], one["kind"]): one["label"]
        for route in report(directory, backend).get("routes", [])
        for one in route["findings"]
    }


def latencies(directory: Path | str, backend: str = "") -> dict[str, str]:
    """What the times of each route are held to be."""
    return {route["route"]: route["latency"]["label"] for route in report(directory, backend).get("routes", [])}


def judged(directory: Path | str, pairs: int, backend: str = "") -> dict[str, Any]:
    """The report of a B, once that many pairs are judged."""

    def probe() -> dict[str, Any]:
        found = report(directory, backend)
        return found if found.get("judged", 0) >= pairs else {}

    try:
        return eventually(probe, f"a report on {pairs} judged pairs")
    except pytest.fail.Exception as missed:
        found = report(directory, backend)
        counts = {name: found.get(name) for name in ("offered", "delivered", "chosen", "judged", "notes")}
        pytest.fail(f"{missed}; the report has {counts}")


def fed(directory: Path | str, traffic: Callable[[], object], pairs: int) -> None:
    """Send traffic again and again until that many pairs are judged.

    No number of requests is sure to be enough: where the machine stands still for a moment, fewer pairs are chosen.
    """

    def probe() -> bool:
        traffic()
        return bool(report(directory).get("judged", 0) >= pairs)

    eventually(probe, f"a report on {pairs} judged pairs", patience=90.0)


def until(directory: Path | str, traffic: Callable[[], object], word: str, patience: float = 60.0) -> dict[str, Any]:
    """Send traffic again and again until the verdict on the only B is this word; the report."""

    def probe() -> dict[str, Any]:
        traffic()
        found = report(directory)
        return found if found.get("word") == word else {}

    return eventually(probe, f"the verdict {word}", patience)


def facts(found: dict[str, Any]) -> dict[str, Any]:
    """What of a report must not depend on how many tees and judges there were: not times, not examples."""
    names = ("part", "path", "kind", "label", "pairs", "share", "line")
    routes = {
        route["route"]: (
            *(route[name] for name in ("judged", "equal", "unexplained", "share", "bound")),
            sorted(tuple(str(one[name]) for name in names) for one in route["findings"]),
        )
        for route in found["routes"]
    }
    return {name: found[name] for name in ("backend", "offered", "delivered", "chosen", "judged")} | {"routes": routes}


def command(*words: str, code: int) -> str:
    """What `httptee verdict` prints; it must end with this status."""
    done = subprocess.run(
        [sys.executable, "-m", "httptee", "verdict", *words],
        stdin=subprocess.DEVNULL,
        env=clean_environment({"COLUMNS": "160"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout
