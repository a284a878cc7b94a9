"""Builds the tee of one worker process, and its ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from httptee.app import Tee
from httptee.build.part import WHOLE, Part
from httptee.build.recording import build_recorder, name_recording
from httptee.build.spooling import build_door, build_outbox
from httptee.build.upstreams import additions, primary_upstream, shadow_upstream
from httptee.build.watching import Watching, build_watchers
from httptee.ledger import Faults, Ledger, WorkerAccount
from httptee.logs import FORMATS, AccessLog, LineWriter
from httptee.primary import Answering, Outage, Primary
from httptee.selection import selections
from httptee.settings import Settings, backend_names, shadow_settings
from httptee.shadow import ASSURED, Breaker, BreakerPolicy, Budget, Cutoff, Guards, Shadow
from httptee.spool import Outbox
from httptee.transport import Pressure, Reading, Timeouts
from httptee.tunnel import Tunnels
from httptee.verdict.pairs import Comparer

MAX_BODY_IN_MEMORY = 1024 * 1024
"""Request bodies up to this size in bytes are held in memory, larger ones in a file. A body in a file is read into
memory when a B has taken its clone."""


@dataclass(frozen=True, slots=True)
class _Common:
    """What the Bs of one worker process share."""

    budget: Budget
    cutoff: Cutoff | None
    reading: Reading
    faults: Faults
    comparers: Sequence[Comparer | None]
    outbox: Outbox


def build_ledger(settings: Settings, rows: int = 1, earlier: Sequence[Ledger] = ()) -> Ledger:
    """The ledger of a tee with `rows` worker processes. It must be built before they are forked.

    After a reload it continues the counts of the `earlier` ledgers.
    """
    ledger = Ledger(backend_names(settings.b), rows, earlier)
    if settings.record:
        name_recording(settings, ledger, rows, earlier)
    return ledger


def build_tee(
    settings: Settings,
    ledger: Ledger,
    part: Part = WHOLE,
    watching: Watching | None = None,
    primary: Answering | None = None,
) -> Tee:
    """The tee of one worker process, with its part of each limit. Starts no thread.

    With `watching`, the answers of the Bs are compared with A's. `primary` is A; by default the server that the
    settings name.
    """
    account = ledger.worker(part.row)
    faults = Faults(account.unobserved)
    pressure = Pressure()
    budget = Budget(part.of(settings.b_max_bytes))
    cutoff = Cutoff(settings.b_cutoff) if settings.b_cutoff else None
    outbox = build_outbox(settings, part)
    none: tuple[None, list[Comparer | None]] = (None, [None] * len(settings.b))
    added = additions(settings)
    # Without a B there is nothing to compare.
    keeper, comparers = build_watchers(settings, watching, part, faults) if watching and settings.b else none
    return Tee(
        primary or _primary(settings, ledger, part, pressure, account, faults),
        _shadows(settings, ledger, part, _Common(budget, cutoff, Reading(pressure), faults, comparers, outbox)),
        added,
        account,
        _access_log(settings, account, faults) if settings.access_log else None,
        in_memory=MAX_BODY_IN_MEMORY,
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
        cutoff=cutoff,
        budget=budget,
        pressure=pressure,
        faults=faults,
        keeper=keeper,
        outbox=outbox,
        recorder=build_recorder(settings, ledger, part, faults, added) if settings.record else None,
    )


def _primary(
    settings: Settings, ledger: Ledger, part: Part, pressure: Pressure, account: WorkerAccount, faults: Faults
) -> Primary:
    return Primary(
        primary_upstream(settings, part.of(settings.threads, least=1), pressure),
        Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
        account,
        Outage(str(settings.a), ledger.outage, lambda: sum(ledger.primary().errors_by_reason.values())),
        faults,
        _tunnels(settings, ledger, account, faults),
    )


def _shadows(settings: Settings, ledger: Ledger, part: Part, common: _Common) -> Iterator[Shadow]:
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    chosen = shadow_settings(settings)
    ordered = ledger.orders if settings.control else ()
    parts = [orders.part for orders in ledger.orders]
    rules = selections([shadow.criteria for shadow in chosen], ledger.clocks, ordered, parts)
    each = zip(chosen, ledger.accounts(part.row), rules, ledger.circuits, common.comparers, ledger.orders, strict=True)
    for number, (shadow, account, selection, circuit, comparing, orders) in enumerate(each):
        workers = part.of(shadow.workers, least=1)
        spool = build_door(shadow, number, ledger, part, account, common.faults, common.outbox)
        # A probe may wait for a thread as long as an exchange takes, which is as long as it takes itself.
        own = replace(policy, patience=2 * shadow.timeout + 1.0, spools=spool is not None)
        yield Shadow(
            shadow_upstream(settings, shadow, workers, common.reading),
            account,
            selection,
            Guards(
                Breaker(shadow.name, circuit, own),
                common.budget,
                common.cutoff,
                common.reading,
                common.faults,
                orders if settings.control else None,
            ),
            workers=workers,
            backlog=None if shadow.backlog is None else part.of(shadow.backlog),
            timeout=shadow.timeout,
            stream_timeout=shadow.stream_timeout,
            assured=part.of(ASSURED),
            sends_unsent=shadow.sends_unsent,
            name=shadow.name,
            form=shadow.form,
            ordered=shadow.ordered,
            comparing=comparing,
            spooling=spool,
        )


def _tunnels(settings: Settings, ledger: Ledger, account: WorkerAccount, faults: Faults) -> Tunnels:
    def present() -> int:
        return sum(worker.tunnels for worker in ledger.workers())

    return Tunnels(account, settings.upgrades, settings.upgrade_idle_timeout, present, faults)


def _access_log(settings: Settings, account: WorkerAccount, faults: Faults) -> AccessLog:
    writer = LineWriter(settings.access_log, account.log_dropped)
    return AccessLog(writer, FORMATS[settings.access_log_format], len(settings.b), faults)
