"""What the page shows, at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from httptee.verdict.court import Report


@dataclass(frozen=True, slots=True)
class View:
    """`status` is the content of /status. `reports` are the latest of the judge, made `at` a time in seconds since the
    epoch, or None. `directory` is where its evidence is, or empty."""

    status: Mapping[str, Any]
    reports: Sequence[Report] = ()
    at: float | None = None
    directory: str = ""


def state_of_tee(status: Mapping[str, Any]) -> tuple[str, str]:
    """One word or two for the whole tee, and whether that is `good`, `fair` or `bad`. As /readyz decides it."""
    workers, check = status["workers"], status["a"]["check"]
    if not workers:
        return "no worker process", "bad"
    if all(worker["draining"] for worker in workers):
        return "draining", "fair"
    if check and not check["passes"]:
        return "A fails its check", "bad"
    return "serving", "good"


def state_of_b(b: Mapping[str, Any]) -> tuple[str, str]:
    """The state of a B, and whether that is `good`, `fair` or `bad`. A B that was paused by an order says so."""
    if (b["orders"] or {}).get("paused"):
        return "paused", "fair"
    return b["state"], {"up": "good", "down": "bad"}.get(b["state"], "fair")
