"""Builds the tee from the settings: A, every B, and their parts. `processes/` and `admin/` build what is around it: the
servers, the gauges, the admin listener and its check of A."""

from __future__ import annotations

import atexit
import hashlib
import socket
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from httptee.app import Tee
from httptee.http import Additions
from httptee.ledger import Ledger, WorkerAccount
from httptee.logs import FORMATS, AccessLog, LineWriter
from httptee.primary import Primary
from httptee.selection import selections
from httptee.settings import (
    Settings,
    ShadowSettings,
    backend_names,
    check_trust,
    shadow_settings,
    trust_of_a,
    trust_of_b,
)
from httptee.shadow import ASSURED, AT_ONCE, Breaker, BreakerPolicy, Budget, Cutoff, Guards, Shadow
from httptee.transport import Limits, PoolLimits, Pressure, Reading, Timeouts, Upstream, WireAdapter

MAX_BODY_IN_MEMORY = 1024 * 1024
"""Request bodies up to this size in bytes are held in memory, larger ones in a file. A body in a file is read into
memory when a B has taken its clone."""


@dataclass(frozen=True, slots=True)
class Part:
    """One worker process, number `row` of `processes`, and its part of each limit of the whole tee."""

    row: int = 0
    processes: int = 1

    def of(self, total: int, least: int = 0) -> int:
        """The part of `total` for this worker process, at least `least`. The first processes share the remainder."""
        return max(least, total // self.processes + (self.row < total % self.processes))


@dataclass(frozen=True, slots=True)
class _Common:
    """What the Bs of one worker process share."""

    budget: Budget
    cutoff: Cutoff | None
    reading: Reading


WHOLE = Part()
"""The part of a single process: all of each limit."""


def build_ledger(settings: Settings, rows: int = 1, earlier: Sequence[Ledger] = ()) -> Ledger:
    """The ledger of a tee with `rows` worker processes. It must be built before they are forked.

    After a reload it continues the counts of the `earlier` ledgers.
    """
    return Ledger(backend_names(settings.b), rows, earlier)


def build_tee(settings: Settings, ledger: Ledger, part: Part = WHOLE) -> Tee:
    """The tee of one worker process, with its part of each limit. Starts no thread."""
    account = ledger.worker(part.row)
    pressure = Pressure()
    budget = Budget(part.of(settings.b_max_bytes))
    cutoff = Cutoff(settings.b_cutoff) if settings.b_cutoff else None
    return Tee(
        Primary(
            primary_upstream(settings, part.of(settings.threads, least=1), pressure),
            Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
            account,
        ),
        _shadows(settings, ledger, part, _Common(budget, cutoff, Reading(pressure))),
        additions(settings),
        account,
        _access_log(settings, account) if settings.access_log else None,
        in_memory=MAX_BODY_IN_MEMORY,
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
        cutoff=cutoff,
        budget=budget,
        pressure=pressure,
    )


def create_app(settings: Settings) -> Tee:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like).
    Raises ConfigError.
    """
    check_trust(settings)
    tee = build_tee(settings, build_ledger(settings))
    # An atexit function runs too late: the interpreter joins the threads of executors before it. concurrent.futures
    # registers its function here too. The function that registers last runs first.
    getattr(threading, "_register_atexit", atexit.register)(tee.close)
    return tee


def primary_upstream(settings: Settings, threads: int = 1, pressure: Pressure | None = None) -> Upstream:
    """A as an upstream. It keeps at most one idle connection for each thread."""
    trust = trust_of_a(settings)
    limits = PoolLimits(threads, settings.a_keep_alive, settings.dns_ttl)
    most = Limits(settings.max_response_header, settings.max_response_fields)
    return Upstream(
        settings.a,
        WireAdapter(limits, server_name=trust.server_name, pressure=pressure, most=most),
        rewrite_host=settings.a_rewrite,
        close=settings.close_connections,
        trust=trust,
    )


def shadow_upstream(
    settings: Settings, shadow: ShadowSettings, workers: int = 1, reading: Reading | None = None
) -> Upstream:
    """One B as an upstream. It keeps at most `AT_ONCE` idle connections for each shadow thread.

    The bodies of its answers are discarded as they arrive, in the turns that `reading` gives.
    """
    trust = trust_of_b(settings, shadow)
    limits = PoolLimits(AT_ONCE * workers, settings.b_keep_alive, settings.dns_ttl)
    return Upstream(
        shadow.endpoint,
        WireAdapter(limits, server_name=trust.server_name, reading=reading or Reading()),
        rewrite_host=shadow.rewrite_host,
        close=settings.close_connections,
        change=shadow.changes or None,
        trust=trust,
    )


def additions(settings: Settings) -> Additions:
    """The header fields that the tee adds to each request for A and B."""
    return Additions(_via(settings) if settings.via else "", settings.forward_client_ip, settings.client_subject_header)


def _shadows(settings: Settings, ledger: Ledger, part: Part, common: _Common) -> Iterator[Shadow]:
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    chosen = shadow_settings(settings)
    rules = selections([shadow.criteria for shadow in chosen], ledger.clocks)
    for shadow, account, selection, circuit in zip(
        chosen, ledger.accounts(part.row), rules, ledger.circuits, strict=True
    ):
        workers = part.of(shadow.workers, least=1)
        # A probe may wait for a thread as long as an exchange takes, which is as long as it takes itself.
        own = replace(policy, patience=2 * shadow.timeout + 1.0)
        yield Shadow(
            shadow_upstream(settings, shadow, workers, common.reading),
            account,
            selection,
            Guards(Breaker(shadow.name, circuit, own), common.budget, common.cutoff, common.reading),
            workers=workers,
            backlog=None if shadow.backlog is None else part.of(shadow.backlog),
            timeout=shadow.timeout,
            stream_timeout=shadow.stream_timeout,
            assured=part.of(ASSURED),
            name=shadow.name,
        )


def _access_log(settings: Settings, account: WorkerAccount) -> AccessLog:
    writer = LineWriter(settings.access_log, account.log_dropped)
    return AccessLog(writer, FORMATS[settings.access_log_format], len(settings.b))


def _via(settings: Settings) -> str:
    """The Via of this tee (RFC 9110 §7.6.3). Its comment is the same in all processes of this tee, and differs for
    other tees on the path: a request that passed through those is no loop."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {' '.join(map(str, settings.b))}"
    return f"1.1 httptee ({hashlib.sha256(identity.encode()).hexdigest()[:8]})"
