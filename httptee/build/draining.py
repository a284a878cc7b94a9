"""Builds the drainer: what sends the clones of each B that wait in a directory or in an engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

from httptee.build.upstreams import shadow_upstream
from httptee.journal.engines import open_engine
from httptee.ledger import Ledger, Orders, SpoolWords, mean_share
from httptee.settings import Settings, ShadowSettings, SpoolSettings, shadow_settings
from httptee.shadow import Breaker, BreakerPolicy, Roads
from httptee.spool import (
    Aside,
    Catchup,
    Counting,
    Counts,
    Incoming,
    Keeping,
    Pace,
    Settling,
    Source,
    Watch,
    directory_of,
)
from httptee.spool.draining import Drained, Drains
from httptee.spool.engine import Apart, Sending, Shipping, Taking, Tally
from httptee.transport import Reading

_SENDERS = 32  # threads at most; those that are idle end
_LIVE_SPAN, _LIVE_SPANS = 2.0, 5  # seconds, and how many of them: the highest rate of one of the last ones counts
_LOOK = 0.25  # seconds between two looks at the cutoff
_CHOSEN = frozenset({"spool_full", "spool_expired", "spool_corrupt"})  # why clones are dropped that B was to get
_ANY_RATE = 1e6  # clones a second: more than can be sent
_LEASE = 5.0  # seconds after which another tee takes over what a dead one owned
_TIGHT = 0.5  # of the timeout: a p99 above it is too slow


def drained(settings: Settings, ledger: Ledger) -> list[Callable[[], Drains]]:
    """What makes the parts of each B that has a spool, in the process or the thread of the drainer."""
    made: list[Callable[[], Drains]] = []
    for number, shadow in enumerate(shadow_settings(settings)):
        if shadow.spool.wanted and shadow.name in ledger.spools.by_name:
            given = (settings, ledger, shadow, number)
            made += (
                [partial(_shipping, *given), partial(_sending, *given)]
                if shadow.spool.engine
                else [partial(_drained, *given)]
            )
    return made


def make_drained(
    settings: Settings, shadow: ShadowSettings, spool: SpoolSettings, words: SpoolWords, run: str
) -> Drained:
    """One B for a drainer without a tee. Nobody else asks this B, so only B itself and `spool.rate` bound the rate."""
    return _one(settings, shadow, spool, words, run, None, lambda: False, lambda: _ANY_RATE)


def _drained(settings: Settings, ledger: Ledger, shadow: ShadowSettings, number: int) -> Drained:
    words = ledger.spools.by_name[shadow.name]
    breaker, held, live = _asked(settings, ledger, shadow, number)
    return _one(settings, shadow, shadow.spool, words, ledger.spools.run, breaker, held, live)


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
    source = Source(directory, run, counts)
    catchup, roads = _way(settings, shadow, spool, source, counts, Aside(directory), breaker)
    return Drained(directory, spool, catchup, Watch(catchup), Settling(words), held, live, roads.close, roads.turn)


def _shipping(settings: Settings, ledger: Ledger, shadow: ShadowSettings, number: int) -> Shipping:
    """What brings the outbox of one B into its engine. Raises ValueError."""
    words, run = ledger.spools.by_name[shadow.name], ledger.spools.run
    directory, counts = Path(words.place), Counts(words, run)
    source = Source(directory, run, counts)
    return Shipping(shadow.name, directory, source, counts, shadow.spool, open_engine(shadow.spool.engine))


def _sending(settings: Settings, ledger: Ledger, shadow: ShadowSettings, number: int) -> Sending:
    """What sends from the engine of one B. Raises ValueError."""
    words, run = ledger.spools.by_name[shadow.name], ledger.spools.run
    breaker, held, live = _asked(settings, ledger, shadow, number)
    engine, tally = open_engine(shadow.spool.engine, lease=_LEASE), Tally(words, run)
    taking = Taking(shadow.name, engine, run, words, tally)
    catchup, roads = _way(settings, shadow, shadow.spool, taking, tally, Apart(), breaker)
    return Sending(engine, taking, catchup, held, live, roads.close, roads.turn)


def _asked(
    settings: Settings, ledger: Ledger, shadow: ShadowSettings, number: int
) -> tuple[Breaker, Callable[[], bool], Callable[[], float]]:
    """Who knows whether B is up, whether it may get anything, and the rate of the clones that come."""
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    breaker = Breaker(
        shadow.name, ledger.circuits[number], replace(policy, patience=2 * shadow.timeout + 1.0, spools=True)
    )
    orders = ledger.orders[number] if settings.control else None
    return breaker, Held(ledger, orders), Live(ledger, shadow.name)


def _way(
    settings: Settings,
    shadow: ShadowSettings,
    spool: SpoolSettings,
    source: Incoming,
    counts: Counting,
    aside: Keeping,
    breaker: Breaker | None,
) -> tuple[Catchup, Roads]:
    """The way of what waits to B."""
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
    pace = Pace(_TIGHT * shadow.timeout, spool.rate)
    host = shadow.endpoint.authority
    catchup = Catchup(shadow.name, source, counts, aside, spool, pace, roads.take, breaker, host)
    return catchup, roads


class Held:
    """Whether nothing may be sent now: the cutoff cuts, or B is paused."""

    def __init__(self, ledger: Ledger, orders: Orders | None) -> None:
        self._ledger = ledger
        self._orders = orders
        self._next = 0.0
        self._cuts = False

    def __call__(self) -> bool:
        """Whether it is so, by a look that may be some time ago."""
        now = monotonic()
        if now >= self._next:
            self._next = now + _LOOK
            self._cuts = mean_share(self._ledger.workers()) < 1.0
        return self._cuts or (self._orders is not None and self._orders.paused)


class Live:
    """The highest rate of the clones that came for one B in the last seconds, in clones a second. What was not chosen
    for B does not count: B never gets it."""

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self._name = name
        self._at = monotonic()
        self._seen = self._count()
        self._rates: list[float] = []

    def __call__(self) -> float:
        """That rate."""
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
