"""What is said of the spools: in /status, and in Prometheus' format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import nan
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.ledger import Spooled, Statement
from httptee.settings import ShadowSettings
from httptee.spool import orphans_of

_SLOW = 0.01  # clones a second; below it, no end can be foreseen


def orphaned_spools(shadows: Iterable[ShadowSettings]) -> list[dict[str, Any]]:
    """What is in the spools of these Bs and belongs to none of them: the `directory`, its size in `bytes`, and the
    number of its `files`. Nothing sends that. A directory that cannot be read has none."""
    found = orphans_of((shadow.spool.directory, shadow.name) for shadow in shadows if shadow.spool.directory)
    return [{"directory": str(one.path), "bytes": one.size, "files": one.files} for one in found]


def spool_status(statement: Statement, most: int | None = None) -> dict[str, Any] | None:
    """What the spool of a B holds and lost; None if it has none. Times are in seconds. `fill` is the part of the `most`
    bytes that is used, or None where a reload has removed the B."""
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
        "fill": round(spool.bytes / max(1, most), 4) if most is not None else None,
        "oldest": round(spool.oldest, 3),
        "rate": spool.rate,
        "shrinks": spool.shrinks,
        "eta": eta(statement, spool),
        "set_aside": spool.set_aside,
        "orphans": spool.orphans,
        "engine": engine_status(statement, spool),
        "lost": [
            {
                "reason": loss.reason,
                "clones": (statement.dropped_by_reason | statement.failed_by_reason).get(loss.reason, 0),
                "from": loss.first / 1e9,
                "to": loss.last / 1e9,
            }
            for loss in spool.losses
        ],
    }


def eta(statement: Statement, spool: Spooled) -> float | None:
    """Seconds until nothing is spooled, if it goes on to become less as it does now; None if it does not. What leaves
    the spool says little: as much may come."""
    if not statement.spooled:
        return 0.0
    return round(statement.spooled / spool.shrinks, 1) if spool.shrinks > _SLOW else None


def engine_status(statement: Statement, spool: Spooled) -> dict[str, Any] | None:
    """The engine behind the spool of a B: whether it is `up`, the `depth` of what waits in it for all tees, and how
    many partitions this tee has `owned`; None if there is none."""
    if not spool.engine:
        return None
    return {
        "up": spool.engine == "up",
        "depth": spool.depth,
        "owned": spool.owned,
        "handed_over": statement.handed_over,
        "taken_over": statement.taken_over,
    }


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
        "Seconds until nothing is spooled, at the rate at which it becomes less now; NaN if it does not.",
        lambda one, spool: nan if (seconds := eta(one, spool)) is None else seconds,
    )
    yield gauge("set_aside", "Requests that were set aside and are kept.", lambda one, spool: spool.set_aside)
    yield gauge(
        "orphans",
        "Streams of files that another tee may still write: they wait for its end.",
        lambda one, spool: spool.orphans,
    )
    yield gauge("drained", "Whether a drainer works.", lambda one, spool: spool.drained)
    if any(spool.engine for _, _, spool in found):
        yield gauge("engine_up", "Whether the engine answers.", lambda one, spool: spool.engine == "up")
        yield gauge("engine_depth", "Clones of all tees that wait in the engine.", lambda one, spool: spool.depth)
        yield gauge("engine_owned", "Partitions of the engine that this tee sends.", lambda one, spool: spool.owned)
    yield from _counters([(name, one) for name, one, _ in found])


def _counters(found: Sequence[tuple[str, Statement]]) -> Iterator[Metric]:
    def counter(name: str, text: str, value: Callable[[Statement], float]) -> Metric:
        family = CounterMetricFamily(f"httptee_spool_{name}", text, labels=("backend",))
        for backend, statement in found:
            family.add_metric((backend,), value(statement))
        return family

    yield counter("recovered", "Clones that an earlier run has left in the spool.", lambda one: one.recovered)
    if any(statement.has_engine for _, statement in found):
        yield counter("handed_over", "Clones that were put into the engine.", lambda one: one.handed_over)
        yield counter("taken_over", "Clones from the engine that this tee has settled.", lambda one: one.taken_over)
