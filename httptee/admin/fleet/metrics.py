"""The metrics of a central judge: the verdict as for one tee, and what all tees add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from httptee.admin import Judged, Shown, judged, verdict_metrics

_STATES = ("running", "silent", "ended")
_OUTCOMES = ("delivered", "failed", "dropped", "in_flight", "spooled")


class FleetCollector(Collector):
    """All metrics, made at each scrape from what the judge has put into `directory`."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._shown = Shown()

    def collect(self) -> Iterator[Metric]:
        """The families of metrics."""
        found: Judged = judged(self._directory, None)
        yield from verdict_metrics(found, self._shown)
        yield from _of_the_fleet(found.document.get("fleet") or {})


def _of_the_fleet(fleet: Mapping[str, Any]) -> Iterator[Metric]:
    runs = GaugeMetricFamily("httptee_fleet_tees", "Runs of tees, by what is heard of them.", labels=("state",))
    states = Counter(tee["state"] for tee in fleet.get("tees", ()))
    for state in _STATES:
        runs.add_metric((state,), states[state])
    seen = CounterMetricFamily("httptee_fleet_clones_seen", "Clones of all tees.", labels=("backend",))
    clones = GaugeMetricFamily(
        "httptee_fleet_clones", "What became of the clones of all tees.", labels=("backend", "outcome")
    )
    for account in fleet.get("ledger", ()):
        seen.add_metric((account["backend"],), account["seen"])
        for outcome in _OUTCOMES:
            clones.add_metric((account["backend"], outcome), account[outcome])
    lost = fleet.get("lost") or {"count": 0}
    yield from (runs, seen, clones)
    yield CounterMetricFamily("httptee_fleet_pairs_lost", "Pairs that never reach a judge.", lost["count"])
    yield GaugeMetricFamily("httptee_fleet_judges", "Judges that are heard of.", len(fleet.get("judges", ())))
