"""The verdict in Prometheus' format: the counts of the worker processes, and what the judge has published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.admin.judged import Judged
from httptee.verdict.court import NO, NOT_YET, YES, RouteReport
from httptee.verdict.pairs import folded

OTHER = "other"
MOST_ROUTES = 50
"""Routes of one B that have series of their own."""

WORDS = {YES: 1, NOT_YET: 0, NO: -1}
_WORST_LATENCY = ("slower", "slower in the tail", "undecided", "within")
_DROPPED = {"incomplete": "dropped", "unknown_backend": "strange"}


class Shown:
    """Which routes have series of their own: those with the most requests when they are first seen, up to a limit.

    A route keeps its place while it is counted, so that no series counts back.
    """

    def __init__(self, most: int = MOST_ROUTES) -> None:
        self._most = most
        self._lock = Lock()  # held while names are sorted
        self._places: dict[str, set[str]] = {}
        self._others: dict[str, set[str]] = {}

    def of(self, backend: str, requests: Mapping[str, int]) -> Callable[[str], str]:
        """What maps a route of this B to the name under which it is shown. `requests` are those of each route."""
        with self._lock:
            shown = self._places.get(backend, set()) & requests.keys()
            others = self._others.get(backend, set()) & requests.keys()
            new = sorted(requests.keys() - shown - others, key=lambda route: (-requests[route], route))
            free = max(0, self._most - len(shown))
            self._places[backend], self._others[backend] = shown.union(new[:free]), others.union(new[free:])
            places = self._places[backend]
        return lambda route: route if route in places else OTHER


def verdict_metrics(found: Judged, shown: Shown) -> Iterator[Metric]:
    """All metrics of the verdict."""
    names = {backend: shown.of(backend, _requests(found, backend)) for backend in {**found.sums, **found.reports}}
    yield from _counted(found, names)
    yield from _of_the_bs(found)
    yield from _of_the_routes(found, names)
    yield from _of_the_judge(found)


def _requests(found: Judged, backend: str) -> dict[str, int]:
    counts = {route: sums.requests for route, sums in found.sums.get(backend, {}).items()}
    report = found.reports.get(backend)
    return {**{route.route: 0 for route in report.routes}, **counts} if report else counts


def _counted(found: Judged, names: Mapping[str, Callable[[str], str]]) -> Iterator[Metric]:
    """What the worker processes have counted, with or without a judge."""
    chosen = CounterMetricFamily(
        "httptee_verdict_chosen", "Pairs that were chosen to be compared.", labels=("backend", "route")
    )
    judged = CounterMetricFamily(
        "httptee_verdict_judged", "Pairs that were compared, by result.", labels=("backend", "route", "result")
    )
    lost = CounterMetricFamily(
        "httptee_verdict_lost", "Mismatched pairs that did not reach the judge.", labels=("backend", "route")
    )
    for backend, routes in found.sums.items():
        for route, sums in folded(routes, names[backend]).items():
            chosen.add_metric((backend, route), sums.chosen)
            judged.add_metric((backend, route, "matched"), sums.equal)
            judged.add_metric((backend, route, "mismatched"), sums.unequal)
            lost.add_metric((backend, route), sums.lost)
    missed = CounterMetricFamily(
        "httptee_verdict_writes_missed",
        "Requests that may change something and that B did not get.",
        labels=["backend"],
    )
    for backend, count in found.missed.items():
        missed.add_metric((backend,), count)
    yield from (chosen, judged, lost, missed)


def _of_the_bs(found: Judged) -> Iterator[Metric]:
    word = GaugeMetricFamily(
        "httptee_verdict", "Whether B can replace A: 1 YES, 0 NOT YET, -1 NO.", labels=("backend",)
    )
    repeats = CounterMetricFamily(
        "httptee_verdict_repeats", "Requests that A got once more for the sake of B.", labels=("backend",)
    )
    for backend in {**dict.fromkeys(found.backends), **found.reports}:
        report = found.reports.get(backend)
        word.add_metric((backend,), WORDS.get(report.word, 0) if report else 0)
        repeats.add_metric((backend,), report.repeats if report else 0)
    yield from (word, repeats)


def _of_the_routes(found: Judged, names: Mapping[str, Callable[[str], str]]) -> Iterator[Metric]:
    labels = ("backend", "route")
    word = GaugeMetricFamily("httptee_verdict_route", "The same for a route: 1 YES, 0 NOT YET, -1 NO.", labels=labels)
    bound = GaugeMetricFamily(
        "httptee_verdict_bound_ratio", "Upper bound of the rate of mismatches that nothing explains.", labels=labels
    )
    latency = GaugeMetricFamily(
        "httptee_verdict_latency", "Always 1; what B's latency is held to be.", labels=(*labels, "label")
    )
    pairs = GaugeMetricFamily(
        "httptee_verdict_differing_pairs",
        "Pairs by what their differences are held to be, one for each place that differs.",
        labels=(*labels, "label"),
    )
    for backend, report in found.reports.items():
        for route, reports in _grouped(report.routes, names[backend]).items():
            word.add_metric((backend, route), min(WORDS.get(each.word, 0) for each in reports))
            bound.add_metric((backend, route), max(each.bound for each in reports))
            times = {each.latency.label for each in reports}
            worst = next((label for label in _WORST_LATENCY if label in times), "undecided")
            latency.add_metric((backend, route, worst), 1)
            for label, count in _by_label(reports).items():
                pairs.add_metric((backend, route, label), count)
    yield from (word, bound, latency, pairs)


def _grouped(routes: Sequence[RouteReport], name_of: Callable[[str], str]) -> dict[str, list[RouteReport]]:
    found: dict[str, list[RouteReport]] = {}
    for route in routes:
        found.setdefault(name_of(route.route), []).append(route)
    return found


def _by_label(reports: Sequence[RouteReport]) -> Counter[str]:
    found: Counter[str] = Counter()
    for report in reports:
        for finding in report.findings:
            found[finding.label] += finding.pairs
    return found


def _of_the_judge(found: Judged) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "httptee_verdict_judge_up",
        "Whether the judge runs and makes reports.",
        int(found.state in ("running", "elsewhere")),
    )
    yield GaugeMetricFamily(
        "httptee_verdict_report_timestamp_seconds",
        "The time of the latest report, in seconds since the epoch; 0 before the first one.",
        found.document.get("at") or 0,
    )
    yield CounterMetricFamily(
        "httptee_verdict_judge_failures",
        "Errors in the judge since it began.",
        found.judge.get("failures", 0),
    )
    dropped = CounterMetricFamily(
        "httptee_verdict_dropped", "Pairs that the judge got and could not use.", labels=("reason",)
    )
    for reason, key in _DROPPED.items():
        dropped.add_metric((reason,), found.judge.get(key, 0))
    yield dropped
