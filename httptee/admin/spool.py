"""The spool of each B in `/status` and in `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import nan
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.ledger import Spooled, Statement

_SLOW = 0.01  # clones a second; below it, no end can be foreseen


def spool_status(statement: Statement) -> dict[str, Any] | None:
    """What the spool of a B holds and lost; None if it has none. Times are in seconds."""
    spool = statement.spool
    if spool is None:
        return None
    return {
        "state": spool.state,
        "since": spool.since or None,
        "drainer": spool.drained,
        "clones": statement.spooled,
        "recovered": statement.recovered,
        "bytes": spool.bytes,
        "oldest": round(spool.oldest, 3),
        "rate": spool.rate,
        "eta": eta(statement, spool),
        "set_aside": spool.set_aside,
        "lost": [
            {
                "reason": loss.reason,
                "clones": statement.dropped_by_reason.get(loss.reason, 0),
                "from": loss.first / 1e9,
                "to": loss.last / 1e9,
            }
            for loss in spool.losses
        ],
    }


def eta(statement: Statement, spool: Spooled) -> float | None:
    """Seconds until nothing is spooled, at the rate of now; None if that is not known."""
    if not statement.spooled:
        return 0.0
    return round(statement.spooled / spool.rate, 1) if spool.rate > _SLOW else None


def spool_metrics(statements: Sequence[tuple[str, Statement]]) -> Iterator[Metric]:
    """The metrics of the Bs that have a spool."""
    found = [(name, one, one.spool) for name, one in statements if one.spool is not None]
    if not found:
        return

    def gauge(name: str, text: str, value: Callable[[Statement, Spooled], float]) -> Metric:
        family = GaugeMetricFamily(f"httptee_spool_{name}", text, labels=("backend",))
        for backend, statement, spool in found:
            family.add_metric((backend,), value(statement, spool))
        return family

    yield gauge("clones", "Clones that wait in the spool.", lambda one, spool: one.spooled)
    yield gauge("bytes", "Bytes of the files of the spool.", lambda one, spool: spool.bytes)
    yield gauge("oldest_seconds", "Age of the clone that waits longest.", lambda one, spool: spool.oldest)
    yield gauge("rate", "Clones that leave the spool in a second.", lambda one, spool: spool.rate)
    yield gauge(
        "eta_seconds",
        "Seconds until nothing is spooled, at the rate of now; NaN if that is not known.",
        lambda one, spool: nan if (seconds := eta(one, spool)) is None else seconds,
    )
    yield gauge("set_aside", "Requests that were set aside and are kept.", lambda one, spool: spool.set_aside)
    yield gauge("drained", "Whether a drainer works.", lambda one, spool: spool.drained)
    recovered = CounterMetricFamily(
        "httptee_spool_recovered", "Clones that an earlier run has left in the spool.", labels=("backend",)
    )
    for backend, statement, _ in found:
        recovered.add_metric((backend,), statement.recovered)
    yield recovered
