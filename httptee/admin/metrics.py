"""The ledger in Prometheus' format. prometheus-client formats what the ledger counts."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from httptee.admin.judged import Judged
from httptee.admin.operating_metrics import operating_metrics
from httptee.admin.processes import Mounting
from httptee.admin.spools import spool_metrics
from httptee.admin.verdict_metrics import Shown, verdict_metrics
from httptee.errors import REFUSAL_REASONS, UPSTREAM_REASONS
from httptee.ledger import (
    BOUNDS,
    DROP_REASONS,
    FAILURE_REASONS,
    Latency,
    Ledger,
    PrimaryStatement,
    Statement,
    Worker,
    distinct,
    mean_share,
)
from httptee.quick import native
from httptee.settings import Settings
from httptee.version import __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Named = Sequence[tuple[str, Statement]]
"""Every B's account under a different name."""


class LedgerCollector(Collector):
    """All metrics, made at each scrape from the ledger, or from the one that `ledger` returns. `judged` gives the
    verdict at this moment, if there is one. `settings` are those of the tee: without them, there are no metrics of its
    processes and of orders. With `mounting`, the tee runs under another server."""

    def __init__(
        self,
        ledger: Ledger | Callable[[], Ledger],
        started: float,
        judged: Callable[[], Judged] | None = None,
        settings: Settings | None = None,
        mounting: Mounting | None = None,
    ) -> None:
        self._mounting = mounting
        self._settings = settings
        self._ledger = ledger
        self._started = started
        self._judged = judged
        self._shown = Shown()

    def collect(self) -> Iterator[Metric]:
        """All metrics. Called by prometheus-client."""
        ledger = self._ledger() if callable(self._ledger) else self._ledger
        yield from _of_the_tee(ledger.workers(), self._started)
        if self._mounting is None:
            yield from _of_the_clients(ledger.workers())
        yield from _of_a(ledger.primary())
        statements = ledger.statements()
        named = list(zip(distinct([each.backend for each in statements]), statements, strict=True))
        yield from _of_b(named)
        yield from spool_metrics(named)
        judged = self._judged() if self._judged is not None else None
        if judged is not None:
            yield from verdict_metrics(judged, self._shown)
        if self._settings is not None:
            yield from operating_metrics(self._settings, ledger, judged, self._started, self._mounting)


def exposition(collector: Collector) -> bytes:
    """The metrics of a collector, in Prometheus' text format 0.0.4."""
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry)


def _of_the_tee(workers: Sequence[Worker], started: float) -> Iterator[Metric]:
    build = GaugeMetricFamily("httptee_build_info", "The version of the tee.", labels=("version", "python", "native"))
    build.add_metric((__version__, platform.python_version(), str(native).lower()), 1)
    yield build
    yield GaugeMetricFamily("httptee_start_time_seconds", "Start of the tee, in seconds since the epoch.", started)
    yield GaugeMetricFamily("httptee_workers", "Worker processes that are alive.", len(workers))
    yield GaugeMetricFamily(
        "httptee_shadow_queue_bytes",
        "Bytes of memory that all clones in flight hold. What several Bs share counts once.",
        sum(worker.held_bytes for worker in workers),
    )
    yield GaugeMetricFamily(
        "httptee_shadow_share", "The part of the clones that the cutoff lets through.", mean_share(workers)
    )


def _of_the_clients(workers: Sequence[Worker]) -> Iterator[Metric]:
    """What another server knows of its own clients, and the tee under it does not."""
    yield GaugeMetricFamily(
        "httptee_connections", "Open connections from clients.", sum(worker.connections for worker in workers)
    )
    yield GaugeMetricFamily(
        "httptee_primary_in_flight",
        "Requests that have arrived and have no whole answer yet.",
        sum(worker.in_flight for worker in workers),
    )
    yield GaugeMetricFamily(
        "httptee_primary_waiting",
        "Requests of them that wait for a thread.",
        sum(worker.waiting for worker in workers),
    )


def _of_a(statement: PrimaryStatement) -> Iterator[Metric]:
    yield _counter(
        "httptee_primary_requests",
        "Requests to A that have been answered, by the status that the client got.",
        "code",
        _codes(statement.answered_by_status),
    )
    yield _counter(
        "httptee_primary_errors",
        "Exchanges with A that failed, before the headers or in the body of its answer.",
        "reason",
        _complete(statement.errors_by_reason, UPSTREAM_REASONS),
    )
    latency = HistogramMetricFamily("httptee_primary_seconds", "Time that A took to the headers of its answer.")
    latency.add_metric((), _buckets(statement.latency), statement.latency.seconds)
    yield latency
    yield _counter(
        "httptee_refused",
        "Requests that the tee answered itself: they went neither to A nor to any B.",
        "reason",
        _complete(statement.refused_by_reason, REFUSAL_REASONS),
    )
    yield CounterMetricFamily(
        "httptee_client_gone", "Requests whose client has gone before its answer was whole.", statement.client_gone
    )
    yield CounterMetricFamily(
        "httptee_shadow_share_changes",
        "How often a worker process has changed httptee_shadow_share.",
        statement.share_changes,
    )
    yield CounterMetricFamily(
        "httptee_log_dropped", "Records of the access log that were dropped.", statement.log_dropped
    )
    yield CounterMetricFamily(
        "httptee_unobserved",
        "Outcomes that an error in the tee kept out of the ledger or the log.",
        statement.unobserved,
    )


def _of_b(statements: Named) -> Iterator[Metric]:
    yield _by_backend("seen", "Clones offered to B.", "", statements, lambda b: {"": b.seen})
    yield _by_backend(
        "delivered",
        "Clones that B answered, by its status.",
        "code",
        statements,
        lambda b: _codes(b.delivered_by_status),
    )
    yield _by_backend(
        "failed",
        "Clones that got no whole answer from B.",
        "reason",
        statements,
        lambda b: _complete(b.failed_by_reason, FAILURE_REASONS),
    )
    yield _by_backend(
        "dropped",
        "Clones that were dropped.",
        "reason",
        statements,
        lambda b: _complete(b.dropped_by_reason, DROP_REASONS),
    )
    present = [(backend, statement) for backend, statement in statements if statement.state != "gone"]
    yield _gauge("in_flight", "Clones that wait for a thread or for B's answer.", statements, lambda b: b.in_flight)
    yield _gauge("waiting", "Clones that wait in the queue.", statements, lambda b: b.waiting)
    yield _gauge("up", "Whether B is considered up.", present, lambda b: b.state == "up")
    latency = HistogramMetricFamily(
        "httptee_shadow_seconds", "Time that B took for an exchange that it answered.", labels=("backend",)
    )
    for backend, statement in statements:
        latency.add_metric((backend,), _buckets(statement.latency), statement.latency.seconds)
    yield latency


def _by_backend(
    name: str, text: str, label: str, statements: Named, counts: Callable[[Statement], dict[str, int]]
) -> Metric:
    """A counter by B and, if `label` is not empty, by the keys of `counts`."""
    labels = ("backend", label) if label else ("backend",)
    family = CounterMetricFamily(f"httptee_shadow_{name}", text, labels=labels)
    for backend, statement in statements:
        for key, count in counts(statement).items():
            family.add_metric((backend, key)[: len(labels)], count)
    return family


def _gauge(name: str, text: str, statements: Named, value: Callable[[Statement], float]) -> Metric:
    family = GaugeMetricFamily(f"httptee_shadow_{name}", text, labels=("backend",))
    for backend, statement in statements:
        family.add_metric((backend,), value(statement))
    return family


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=(label,))
    for key, count in counts.items():
        family.add_metric((key,), count)
    return family


def _complete(counts: dict[str, int], reasons: Iterable[str]) -> dict[str, int]:
    """The counts with every reason of a closed set: a series that starts at 0 has a rate from its first count."""
    return {reason: counts.get(reason, 0) for reason in reasons}


def _codes(counts: dict[int, int]) -> dict[str, int]:
    return {str(status) if status else "other": count for status, count in counts.items()}


def _buckets(latency: Latency) -> list[tuple[str, float]]:
    """Cumulative counts by upper bound, as the format requires."""
    bounds = [*map(str, BOUNDS), "+Inf"]
    return [(bound, sum(latency.buckets[: index + 1])) for index, bound in enumerate(bounds)]
