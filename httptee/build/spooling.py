"""Builds the spool: in the worker processes where clones go, and in the drainer what sends them later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from httptee.build.part import Part
from httptee.build.upstreams import shadow_upstream
from httptee.ledger import ADOPTED, Account, Faults, GuardedAccount, Ledger, Orders, SpoolWords, mean_share
from httptee.settings import Settings, ShadowSettings, SpoolSettings, shadow_settings
from httptee.shadow import Breaker, BreakerPolicy, Roads
from httptee.spool import (
    MOST_HELD,
    SUFFIX,
    Aside,
    Catchup,
    Counts,
    Door,
    Outbox,
    Pace,
    Settling,
    Sheet,
    Source,
    StreamName,
    Watch,
    directory_of,
    lane_of,
    new_run,
    orphans_of,
)
from httptee.spool.draining import Drained
from httptee.transport import Reading

logger = logging.getLogger(__name__)

_SENDERS = 32  # threads at most; those that are idle end
_LIVE_SPAN, _LIVE_SPANS = 2.0, 5  # seconds, and how many of them: the highest rate of one of the last ones counts
_LOOK = 0.25  # seconds between two looks at the cutoff
_CHOSEN = frozenset({"spool_full", "spool_expired", "spool_corrupt"})  # why clones are dropped that B was to get
_ANY_RATE = 1e6  # clones a second: more than can be sent
_TIGHT = 0.5  # of the timeout: a p99 above it is too slow


def give_desks(settings: Settings, ledger: Ledger) -> None:
    """Give the worker processes of a ledger their places in the spools. Call it once, before they are forked."""
    spools = ledger.spools
    spools.run = spools.run or new_run()
    spooled = {shadow.name: shadow.spool for shadow in shadow_settings(settings) if shadow.spool.directory}
    new = [name for name in spooled if name not in spools.by_name]
    for orphan in orphans_of((spool.directory, name) for name, spool in spooled.items()):
        logger.warning("the spool in %s belongs to no B: nothing sends what is there", orphan.path)
    places = {name: str(directory_of(spool.directory, name)) for name, spool in spooled.items()}
    spools.give_desks([shadow.name for shadow in shadow_settings(settings)], ledger.rows, places)
    for name, place in places.items():
        if (kept := spools.by_name[name].place) != place:
            logger.warning("B %s: another directory for its spool needs a restart: %s stays", name, kept)
    for name in new:
        if _holds_any(spooled[name], name):
            # Closed until the drainer has counted what is there: nothing may pass it.
            spools.by_name[name].put[ADOPTED] = 1


def build_door(
    shadow: ShadowSettings, number: int, ledger: Ledger, part: Part, account: Account, faults: Faults, outbox: Outbox
) -> Door | None:
    """Where one worker process puts the clones of one B; None if that B has no spool."""
    settings = shadow.spool
    desk = ledger.spools.desk(part.row, number)
    if not settings.directory:
        return None
    if desk is None:
        logger.warning("B %s: this process has no spool: too many processes have one", shadow.name)
        return None
    run = ledger.spools.run
    sheet = Sheet(Path(desk.words.place), lambda: StreamName(run, desk.slot, desk.number), settings)
    return Door(
        GuardedAccount(account, faults), shadow.name, desk, settings, lane_of(settings.lane), sheet, outbox.tray()
    )


def build_outbox(settings: Settings, part: Part) -> Outbox:
    """The queues of one worker process. Starts no thread."""
    return Outbox(part.of(MOST_HELD), sum(bool(shadow.spool.directory) for shadow in shadow_settings(settings)))


def drained(settings: Settings, ledger: Ledger) -> list[Callable[[], Drained]]:
    """What makes each B that has a spool, in the process or the thread of the drainer."""
    return [
        partial(_drained, settings, ledger, shadow, shadow.spool, number)
        for number, shadow in enumerate(shadow_settings(settings))
        if shadow.spool.directory and shadow.name in ledger.spools.by_name
    ]


def make_drained(
    settings: Settings, shadow: ShadowSettings, spool: SpoolSettings, words: SpoolWords, run: str
) -> Drained:
    """One B for a drainer without a tee. Nobody else asks this B, so only B itself and `spool.rate` bound the rate."""
    return _one(settings, shadow, spool, words, run, None, lambda: False, lambda: _ANY_RATE)


def _drained(settings: Settings, ledger: Ledger, shadow: ShadowSettings, spool: SpoolSettings, number: int) -> Drained:
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    breaker = Breaker(
        shadow.name, ledger.circuits[number], replace(policy, patience=2 * shadow.timeout + 1.0, spools=True)
    )
    orders = ledger.orders[number] if settings.control else None
    words = ledger.spools.by_name[shadow.name]
    held, live = _Held(ledger, orders), _Live(ledger, shadow.name)
    return _one(settings, shadow, spool, words, ledger.spools.run, breaker, held, live)


def _one(
    settings: Settings,
    shadow: ShadowSettings,
    spool: SpoolSettings,
    words: SpoolWords,
    run: str,
    breaker: Breaker | None,
    held: Callable[[], bool],
    live: Callable[[], float],
) -> Drained:
    directory = Path(words.place) if words.place else directory_of(spool.directory, shadow.name)
    counts = Counts(words, run)
    reading = Reading()
    upstream = shadow_upstream(settings, shadow, _SENDERS, reading)
    roads = Roads(
        upstream,
        _SENDERS,
        (shadow.timeout, min(shadow.stream_timeout, 60.0)),
        reading,
        lambda *result: catchup.settled(*result),
        lambda *dropped: catchup.dropped(*dropped),
        lambda exchange: None,
        driven=True,
    )
    catchup = Catchup(
        shadow.name,
        Source(directory, run, counts),
        counts,
        Aside(directory),
        spool,
        Pace(_TIGHT * shadow.timeout, spool.rate),
        roads.take,
        breaker,
        shadow.endpoint.authority,
    )
    return Drained(directory, spool, catchup, Watch(catchup), Settling(words), held, live, roads.close, roads.turn)


class _Held:
    """Whether nothing may be sent now: the cutoff cuts, or B is paused."""

    def __init__(self, ledger: Ledger, orders: Orders | None) -> None:
        self._ledger = ledger
        self._orders = orders
        self._next = 0.0
        self._cuts = False

    def __call__(self) -> bool:
        now = monotonic()
        if now >= self._next:
            self._next = now + _LOOK
            self._cuts = mean_share(self._ledger.workers()) < 1.0
        return self._cuts or (self._orders is not None and self._orders.paused)


class _Live:
    """The highest rate of the clones that came for one B in the last seconds, in clones a second. What was not chosen
    for B does not count: B never gets it."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self._name = name
        self._at = monotonic()
        self._seen = self._count()
        self._rates: list[float] = []

    def __call__(self) -> float:
        now = monotonic()
        if now - self._at >= _LIVE_SPAN:
            seen = self._count()
            # By the time after the count: this process may have waited for the processor in between.
            self._rates = [*self._rates, (seen - self._seen) / (monotonic() - self._at)][-_LIVE_SPANS:]
            self._seen, self._at = seen, now
        return max(self._rates, default=0.0)

    def _count(self) -> int:
        found = [one for one in self._ledger.statements() if one.backend == self._name]
        dropped = sum(each for one in found for reason, each in one.dropped_by_reason.items() if reason not in _CHOSEN)
        return sum(one.seen - one.recovered - one.taken_over for one in found) - dropped


def _holds_any(spool: SpoolSettings, name: str) -> bool:
    try:
        return any(directory_of(spool.directory, name).glob(f"*{SUFFIX}"))
    except OSError:
        return False
