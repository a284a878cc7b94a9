"""Where objects are wired, and nowhere else."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence
from dataclasses import replace

from httptee.admin.check import Check
from httptee.app import Tee
from httptee.http.headers import Additions
from httptee.ledger.ledger import Account, Ledger, WorkerAccount
from httptee.logs.access_log import AccessLog
from httptee.logs.formats import FORMATS
from httptee.logs.line_writer import LineWriter
from httptee.primary import Primary
from httptee.selection.selection import Selection, selections
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import ShadowSettings, backend_names, shadow_settings
from httptee.settings.trust import trust_of_a, trust_of_b
from httptee.shadow.breaker import Breaker, BreakerPolicy
from httptee.shadow.budget import Budget
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.shadow import AT_ONCE, Guards, Shadow
from httptee.transport.adapter import WireAdapter
from httptee.transport.pressure import Pressure
from httptee.transport.timeouts import Timeouts
from httptee.transport.upstream import Upstream

MAX_BODY_IN_MEMORY = 1024 * 1024
"""Request bodies up to this, in bytes, are held in memory; longer ones stay in a file."""


def build_ledger(settings: Settings, rows: int = 1, earlier: Sequence[Ledger] = ()) -> Ledger:
    """The ledger of a tee with `rows` worker processes; to be built before they are forked.

    After a reload it goes on from the `earlier` ones.
    """
    return Ledger(backend_names(settings.b), rows, earlier)


def build_tee(settings: Settings, ledger: Ledger, row: int = 0, processes: int = 1) -> Tee:
    """The tee of worker `row` out of `processes`, which has its share of all bounds. No thread is started."""
    threads = share(settings.threads, row, processes, least=1)
    account = ledger.worker(row)
    pressure = Pressure()
    primary = Primary(
        primary_upstream(settings, threads, pressure),
        Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
        account,
    )
    budget = Budget(share(settings.b_max_bytes, row, processes))
    cutoff = Cutoff(settings.b_cutoff) if settings.b_cutoff else None
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    chosen = shadow_settings(settings)
    shadows = [
        _shadow(
            settings,
            shadow,
            account,
            selection,
            Guards(Breaker(shadow.name, circuit, policy), budget, cutoff),
            row,
            processes,
        )
        for shadow, account, selection, circuit in zip(
            chosen, ledger.accounts(row), selections(chosen, ledger.clocks), ledger.circuits, strict=True
        )
    ]
    return Tee(
        primary,
        shadows,
        additions(settings),
        account,
        _access_log(settings, account) if settings.access_log else None,
        in_memory=in_memory(settings),
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
        cutoff=cutoff,
        budget=budget,
        pressure=pressure,
    )


def build_check(settings: Settings) -> Check:
    """A's check, on connections of its own."""
    return Check(primary_upstream(replace(settings, a_rewrite=True)), settings.a_check, settings.a_timeout)


def share(total: int, row: int, processes: int, least: int = 0) -> int:
    """What worker `row` gets of a bound that holds for the whole tee; the first ones get the remainder."""
    return max(least, total // processes + (row < total % processes))


def primary_upstream(settings: Settings, threads: int = 1, pressure: Pressure | None = None) -> Upstream:
    """A, with as many connections as there are threads to use them."""
    trust = trust_of_a(settings)
    return Upstream(
        settings.a,
        WireAdapter(max_idle=threads, server_name=trust.server_name, pressure=pressure),
        rewrite_host=settings.a_rewrite,
        close=settings.close_connections,
        trust=trust,
    )


def shadow_upstream(settings: Settings, shadow: ShadowSettings, workers: int = 1) -> Upstream:
    """One B."""
    trust = trust_of_b(settings, shadow)
    return Upstream(
        shadow.endpoint,
        WireAdapter(max_idle=AT_ONCE * workers, server_name=trust.server_name),
        rewrite_host=shadow.rewrite_host,
        close=settings.close_connections,
        change=shadow.changes or None,
        trust=trust,
    )


def additions(settings: Settings) -> Additions:
    """What every request gets on its way to A and B."""
    return Additions(_via(settings) if settings.via else "", settings.forward_client_ip, settings.client_subject_header)


def in_memory(settings: Settings) -> int:
    """Bytes of a request body up to which it is held in memory: only such a body can go to a B."""
    return max([MAX_BODY_IN_MEMORY, *(shadow.max_body for shadow in shadow_settings(settings))])


def _shadow(
    settings: Settings,
    shadow: ShadowSettings,
    account: Account,
    selection: Selection,
    guards: Guards,
    row: int,
    processes: int,
) -> Shadow:
    workers = share(shadow.workers, row, processes, least=1)
    return Shadow(
        shadow_upstream(settings, shadow, workers),
        account,
        selection,
        guards,
        workers=workers,
        backlog=share(shadow.backlog, row, processes),
        timeout=shadow.timeout,
        name=shadow.name,
    )


def _access_log(settings: Settings, account: WorkerAccount) -> AccessLog:
    writer = LineWriter(settings.access_log, account.log_dropped)
    return AccessLog(writer, FORMATS[settings.access_log_format], len(settings.b))


def _via(settings: Settings) -> str:
    """The Via of this tee (RFC 9110 §7.6.3). The comment tells it from other tees on the way, which are no
    loop, and is the same in all its processes."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {' '.join(map(str, settings.b))}"
    return f"1.1 httptee ({hashlib.sha256(identity.encode()).hexdigest()[:8]})"
