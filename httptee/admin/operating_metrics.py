"""What an operator watches beside the traffic, in Prometheus' format: processes, reloads, the certificate, orders,
upgraded connections, the recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from httptee.admin.judged import Judged
from httptee.admin.processes import Mounting, Process, processes
from httptee.admin.shares import shares_of
from httptee.ledger import (
    RECORD_REASONS,
    TUNNEL_ENDS,
    Control,
    Ledger,
    RecordStatement,
    TunnelStatement,
)
from httptee.settings import Settings

_OF_A_PROCESS = ("process", "pid")


def operating_metrics(
    settings: Settings, ledger: Ledger, judged: Judged | None, started: float, mounting: Mounting | None = None
) -> Iterator[Metric]:
    """All of them. `started` is the start of the tee, in seconds since the epoch. Under another server there are no
    reloads, no certificate, no orders and no upgraded connections."""
    yield from _of_processes(processes(settings, ledger, judged, mounting))
    yield from _of_the_recording(ledger.recorded())
    if mounting is not None:
        return
    yield from _of_reloads(ledger.control, started)
    if ledger.control.certificate_ends is not None:
        yield GaugeMetricFamily(
            "httptee_certificate_expiry_timestamp_seconds",
            "The end of the certificate that clients get, in seconds since the epoch.",
            ledger.control.certificate_ends,
        )
    yield from _of_orders(settings, ledger)
    yield from _of_tunnels(ledger.primary().tunnels)


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
    part = GaugeMetricFamily(
        "httptee_shadow_rate_part",
        "The part of the rate of B for this tee, 0 to 1; less than 1 only where tees share it (-b.rates).",
        labels=("backend",),
    )
    for name, share in shares.items():
        paused.add_metric((name,), int(share.orders.paused))
        percent.add_metric((name,), share.percent)
        part.add_metric((name,), share.orders.part())
    yield from (paused, percent, part)
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
    if (shipped := statement.shipped) is not None:
        yield CounterMetricFamily("httptee_recording_shipped", "Records that the engine has.", shipped.shipped)
        yield CounterMetricFamily(
            "httptee_recording_unshipped", "Records that the outbox has lost before the engine had them.", shipped.lost
        )
        yield GaugeMetricFamily("httptee_recording_outbox_records", "Records that wait in the outbox.", shipped.waiting)
        yield GaugeMetricFamily("httptee_recording_outbox_bytes", "The size of the outbox.", shipped.size)
        failing = 1 if shipped.error else 0
        yield GaugeMetricFamily("httptee_recording_shipping_failing", "1 while the engine takes nothing.", failing)
