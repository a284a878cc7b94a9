"""The verdict over all partitions: one court for each B that knows what all courts know, and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from httptee.verdict.court import Report
from httptee.verdict.fleet.adding import Fleet
from httptee.verdict.fleet.document import Lost
from httptee.verdict.judge import Trial
from httptee.verdict.pairs import folded


def merged_reports(
    trials: Sequence[Trial],
    states: Sequence[Mapping[str, Any]],
    fleet: Fleet,
    name_of: Callable[[str], str],
    now: float,
) -> list[Report]:
    """A report on each B, from the states of all partitions and from what all tees have counted.

    `name_of` gives the name under which a route is counted. `now` is in seconds since the epoch. Raises KeyError,
    TypeError or ValueError if a state is none.
    """
    every, reports = fleet.sums(), []
    notes = _notes(lost(states, fleet), sum(int(state.get("strange", 0)) for state in states))
    for trial in trials:
        court, repeats = trial.court(1, None), 0
        for state in states:
            saved = state["cases"].get(trial.backend)
            if saved is not None:
                court.take(saved["court"])
                repeats += int(saved["repeats"])
        court.fold(name_of)
        sums = folded(every.get(trial.backend, {}), name_of)
        counts = replace(fleet.counts(trial.backend, sums), repeats=repeats)
        report = court.report(sums, counts, now)
        reports.append(replace(report, notes=(*report.notes, *_of_others(trial, fleet), *notes)))
    return reports


def lost(states: Iterable[Mapping[str, Any]], fleet: Fleet) -> Lost:
    """The pairs that never reach a judge: an outbox or the engine has lost them."""
    return sum((Lost(*state.get("lost", ())) for state in states), start=fleet.lost())


def _of_others(trial: Trial, fleet: Fleet) -> list[str]:
    known = [one.backends[trial.backend].fingerprint for one in fleet.documents if trial.backend in one.backends]
    others = sum(one not in ("", trial.fingerprint) for one in known)
    if not others:
        return []
    return [f"{others} of {len(known)} runs of tees had another address for this B than the judge, or other changes"]


def _notes(gone: Lost, strange: int) -> list[str]:
    notes = []
    if gone.last:
        number = f"{gone.count} pairs" if gone.count else "an unknown number of pairs"
        between = f"of the time from {_time(gone.first)} to {_time(gone.last)}"
        notes.append(f"{number} {between} were lost on the way to the judges: they are taken to be like the others")
    if strange:
        notes.append(f"{strange} messages were no pair, or of a B that the judges do not know")
    return notes


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "the beginning"
