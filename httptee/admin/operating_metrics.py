"""What an operator watches beside the traffic, in Prometheus' format: processes, reloads, the certificate, orders,
upgraded connections, the recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import nan
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.admin.judged import Judged
from httptee.admin.processes import Process, processes
from httptee.admin.shares import shares_of
from httptee.ledger import (
    RECORD_REASONS,
    TUNNEL_ENDS,
    Control,
    Ledger,
    RecordStatement,
    Spooled,
    Statement,
    TunnelStatement,
)
from httptee.settings import Settings

_OF_A_PROCESS = ("process", "pid")


def operating_metrics(settings: Settings, ledger: Ledger, judged: Judged | None, started: float) -> Iterator[Metric]:
    """All of them. `started` is the start of the tee, in seconds since the epoch."""
    yield from _of_processes(processes(settings, ledger, judged))
    yield from _of_reloads(ledger.control, started)
    if ledger.control.certificate_ends is not None:
        yield GaugeMetricFamily(
            "httptee_certificate_expiry_timestamp_seconds",
            "The end of the certificate that clients get, in seconds since the epoch.",
            ledger.control.certificate_ends,
        )
    yield from _of_orders(settings, ledger)
    yield from _of_tunnels(ledger.primary().tunnels)
    yield from _of_the_recording(ledger.recorded())


def _of_processes(found: Sequence[Process]) -> Iterator[Metric]:
    cpu = CounterMetricFamily(
        "httptee_process_cpu_seconds", "CPU time of a process since its start.", labels=_OF_A_PROCESS
    )
    gauges = {
        name: GaugeMetricFamily(f"httptee_process_{name}", text, labels=_OF_A_PROCESS)
        for name, text in (
            ("resident_memory_bytes", "Resident memory of a process. What processes share counts in each."),
            ("threads", "Threads of a process."),
            ("open_fds", "Open file descriptors of a process."),
            ("max_fds", "The limit of open file descriptors of a process."),
        )
    }
    for one in found:
        labels = (one.kind, str(one.pid))
        cpu.add_metric(labels, one.cpu_seconds)
        values = (one.memory, one.threads, one.descriptors, one.descriptor_limit)
        for gauge, value in zip(gauges.values(), values, strict=True):
            gauge.add_metric(labels, value)
    yield cpu
    yield from gauges.values()


def _of_reloads(control: Control, started: float) -> Iterator[Metric]:
    reloads = CounterMetricFamily("httptee_reloads", "Reloads, by result.", labels=("result",))
    for result, count in control.reloads.items():
        reloads.add_metric((result,), count)
    yield reloads
    at, done = control.last_reload or (started, True)
    yield GaugeMetricFamily(
        "httptee_last_reload_timestamp_seconds",
        "The time of the last reload, done or refused, in seconds since the epoch; before the first one, the start.",
        at,
    )
    yield GaugeMetricFamily(
        "httptee_last_reload_successful", "Whether the last reload was done; 1 before the first one.", int(done)
    )


def _of_orders(settings: Settings, ledger: Ledger) -> Iterator[Metric]:
    commands = CounterMetricFamily(
        "httptee_control_commands", "Commands of httptee ctl, by result.", labels=("command", "result")
    )
    for (command, result), count in ledger.control.commands.items():
        commands.add_metric((command, result), count)
    yield commands
    shares = shares_of(settings, ledger)
    paused = GaugeMetricFamily("httptee_shadow_paused", "1 while B is paused by order.", labels=("backend",))
    percent = GaugeMetricFamily(
        "httptee_shadow_percent", "The share of B in force while it is not paused, in percent.", labels=("backend",)
    )
    for name, share in shares.items():
        paused.add_metric((name,), int(share.orders.paused))
        percent.add_metric((name,), share.percent)
    yield from (paused, percent)
    yield GaugeMetricFamily(
        "httptee_control_orders",
        "What is in force by order and differs from the file: Bs that are paused, shares, the level of the log.",
        sum(share.orders.paused + (share.orders.percent is not None) for share in shares.values())
        + bool(ledger.control.level),
    )


def _of_tunnels(statement: TunnelStatement) -> Iterator[Metric]:
    yield GaugeMetricFamily("httptee_tunnels", "Upgraded connections that are open.", statement.open)
    yield CounterMetricFamily("httptee_tunnels_opened", "Connections that A has upgraded.", statement.opened)
    ended = CounterMetricFamily(
        "httptee_tunnels_ended", "Upgraded connections that have ended, by how they ended.", labels=("end",)
    )
    for end in TUNNEL_ENDS:
        ended.add_metric((end,), statement.ended.get(end, 0))
    yield ended
    carried = CounterMetricFamily(
        "httptee_tunnel_bytes", "Bytes of upgraded connections, from clients and to them.", labels=("direction",)
    )
    carried.add_metric(("received",), statement.received)
    carried.add_metric(("sent",), statement.sent)
    yield carried


def _of_the_recording(statement: RecordStatement) -> Iterator[Metric]:
    """The metrics of the recording; none if no request was seen."""
    if not statement.seen:
        return
    yield CounterMetricFamily("httptee_recording_seen", "Requests that the recording was offered.", statement.seen)
    yield CounterMetricFamily("httptee_recording_recorded", "Requests that are recorded.", statement.recorded)
    missed = CounterMetricFamily(
        "httptee_recording_not_recorded", "Requests that are not recorded, by the reason.", labels=("reason",)
    )
    for reason in RECORD_REASONS:
        missed.add_metric((reason,), statement.not_recorded_by_reason.get(reason, 0))
    yield missed
    yield CounterMetricFamily(
        "httptee_recording_files_removed", "Files that were removed to keep the limits.", statement.removed
    )
    yield GaugeMetricFamily("httptee_recording_held_bytes", "Bytes in memory that are not written yet.", statement.held)


_SLOW = 0.01  # clones a second; below it, no end can be foreseen


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
        "eta": eta(statement, spool),
        "set_aside": spool.set_aside,
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
