"""Builds the tee from the settings: A, every B, and their parts. `processes/` and `admin/` build what is around it: the
servers, the gauges, the admin listener and its check of A."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import socket
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from httptee.app import Tee
from httptee.errors import ConfigError
from httptee.http import Additions, LoopGuard
from httptee.ledger import Faults, Ledger, WorkerAccount
from httptee.logs import FORMATS, AccessLog, LineWriter, check_log, flush_log
from httptee.primary import Outage, Primary
from httptee.selection import selections
from httptee.settings import (
    Settings,
    ShadowSettings,
    backend_names,
    check_same,
    check_trust,
    descriptions,
    ignored,
    shadow_settings,
    trust_of_a,
    trust_of_b,
)
from httptee.shadow import ASSURED, AT_ONCE, Breaker, BreakerPolicy, Budget, Cutoff, Guards, Shadow
from httptee.transport import Limits, PoolLimits, Pressure, Reading, Timeouts, Upstream, WireAdapter
from httptee.version import __version__

logger = logging.getLogger(__name__)

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
    faults: Faults


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
    faults = Faults(account.unobserved)
    pressure = Pressure()
    budget = Budget(part.of(settings.b_max_bytes))
    cutoff = Cutoff(settings.b_cutoff) if settings.b_cutoff else None
    return Tee(
        Primary(
            primary_upstream(settings, part.of(settings.threads, least=1), pressure),
            Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
            account,
            Outage(str(settings.a), ledger.outage, lambda: sum(ledger.primary().errors_by_reason.values())),
            faults,
        ),
        _shadows(settings, ledger, part, _Common(budget, cutoff, Reading(pressure), faults)),
        additions(settings),
        account,
        _access_log(settings, account, faults) if settings.access_log else None,
        in_memory=MAX_BODY_IN_MEMORY,
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
        cutoff=cutoff,
        budget=budget,
        pressure=pressure,
        faults=faults,
    )


def create_app(settings: Settings, given: Collection[str] = ()) -> Tee:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like): a
    warning names those that are set, or whose names are in `given`. Raises ConfigError.
    """
    check_trust(settings)
    check_same(settings, ())
    try:
        check_log(settings.access_log)
    except OSError as error:
        raise ConfigError(f"cannot write {settings.access_log} (-access-log): {error.strerror}") from None
    mount = _Mount(settings)
    logger.info(
        "Starting httptee in another server, process %d, sending to A: %s and B: [%s], version %s",
        os.getpid(), settings.a, " ".join(map(str, settings.b)), __version__,
    )  # fmt: skip
    for description in descriptions(settings):
        logger.info("B %s", description)
    if unused := ignored(settings, given):
        logger.warning("ignored, because another server runs the tee: %s", ", ".join(f"-{name}" for name in unused))
    # An atexit function runs too late: the interpreter joins the threads of executors before it. concurrent.futures
    # registers its function here too. The function that registers last runs first.
    getattr(threading, "_register_atexit", atexit.register)(mount.end)
    os.register_at_fork(after_in_child=mount.renew, after_in_parent=mount.forked)
    return mount.tee


class _Mount:
    """The tee of a process of another server. A forked process (`gunicorn --preload`) gets a ledger of its own, because
    a row of a ledger has one writer process, and connections of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger = build_ledger(settings)
        self._parent = False
        self.tee = build_tee(settings, self._ledger)

    def renew(self) -> None:
        """Begin anew in a child process."""
        self._ledger = build_ledger(self._settings)
        self._parent = False
        vars(self.tee).update(vars(build_tee(self._settings, self._ledger)))

    def forked(self) -> None:
        """Note that another process may serve in the place of this one."""
        self._parent = True

    def end(self) -> None:
        """Drain, and log the ledger. A process that only started others logs nothing."""
        self.tee.close()
        self._ledger.settle_unanswered(0)
        if not self._parent or self._ledger.primary().answered:
            for line in self._ledger.lines():
                logger.info("%s", line)
        flush_log()


def primary_upstream(settings: Settings, threads: int = 1, pressure: Pressure | None = None) -> Upstream:
    """A as an upstream. It keeps at most one idle connection for each thread."""
    trust = trust_of_a(settings)
    limits = _limits(settings, threads, settings.a_keep_alive)
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
    limits = _limits(settings, AT_ONCE * workers, settings.b_keep_alive)
    return Upstream(
        shadow.endpoint,
        WireAdapter(limits, server_name=trust.server_name, reading=reading or Reading()),
        rewrite_host=shadow.rewrite_host,
        close=settings.close_connections,
        change=shadow.changes or None,
        trust=trust,
    )


def _limits(settings: Settings, idle: int, keep_alive: float) -> PoolLimits:
    # After a request with `Connection: close`, no other one may follow on its connection (RFC 9112 §9.6).
    return PoolLimits(0 if settings.close_connections else idle, keep_alive, settings.dns_ttl)


def additions(settings: Settings) -> Additions:
    """The header fields that the tee adds to each request for A and B."""
    identity = _identity(settings)
    return Additions(
        f"1.1 httptee ({identity})" if settings.via else "",
        settings.forward_client_ip,
        settings.client_subject_header,
        None if settings.via else LoopGuard(identity),
    )


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
            Guards(Breaker(shadow.name, circuit, own), common.budget, common.cutoff, common.reading, common.faults),
            workers=workers,
            backlog=None if shadow.backlog is None else part.of(shadow.backlog),
            timeout=shadow.timeout,
            stream_timeout=shadow.stream_timeout,
            assured=part.of(ASSURED),
            sends_unsent=shadow.sends_unsent,
            name=shadow.name,
        )


def _access_log(settings: Settings, account: WorkerAccount, faults: Faults) -> AccessLog:
    writer = LineWriter(settings.access_log, account.log_dropped)
    return AccessLog(writer, FORMATS[settings.access_log_format], len(settings.b), faults)


def _identity(settings: Settings) -> str:
    """The comment in the Via of this tee (RFC 9110 §7.6.3). It is the same in all processes of this tee, and differs
    for other tees on the path: a request that passed through those is no loop."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {' '.join(map(str, settings.b))}"
    return hashlib.sha256(identity.encode()).hexdigest()[:8]
