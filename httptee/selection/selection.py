"""Which requests a B gets: its rules in their order. The first rule that a request does not pass gives the drop reason.

The filters come first, then A's status, the share, the size of the body, and the rate. So each reason counts only
requests that passed all rules before it: `sampled_out` counts requests that passed the filters, 10 percent of GETs is
10 percent of GETs, and only a request that passes everything else takes a token of the rate. A rule that every request
passes is left out.

Where the operator may order something while the tee runs, the first rule of each B is that it is not paused, and its
share is the one that was ordered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from httptee.http import Request
from httptee.ledger import Orders, shared_numbers
from httptee.selection.rate import Rate, TokenBucket
from httptee.selection.rules import Filter, Test
from httptee.selection.sampling import SCALE, Deck, SharedDeck, Sticky, stable_position
from httptee.selection.statuses import Statuses

_OVER_RATE = "rate_limited"
_BEFORE_SHARE = frozenset({"paused", "filtered"})
_OTHER_STATUS = "other_status"
Part = Callable[[], float]
"""Returns the part of a rate that is for this tee."""


def _nothing(request: Request) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which requests one B gets, by its line and the general options. `max_body` is in bytes.

    The share is `percent` long on the scale and begins at `first`. The shares of the Bs of one `split` are side by
    side. With `upgrades`, B gets requests that ask to upgrade: to the end of its 101.
    """

    name: str
    percent: float = SCALE
    first: float = 0.0
    sticky: Sticky | None = None
    split: str = ""
    filters: tuple[Filter, ...] = ()
    statuses: Statuses | None = None
    max_body: int = 1024 * 1024
    rate: Rate | None = None
    upgrades: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one B: `holds` returns whether a request passes, `reason` is the drop reason if it does not.

    `text` is the rule as in a B's line. If the request alone does not decide, `odds` returns what decides. `seen`
    returns what the rule finds in the request. If A's answer decides, `statuses` are the ones that pass.
    """

    text: str
    reason: str
    holds: Test
    odds: Callable[[Request], str] = _nothing
    seen: Callable[[Request], str] = _nothing
    statuses: Statuses | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one rule for a request. `passes` is None if the request alone does not decide; `note` says why."""

    rule: Rule
    passes: bool | None
    note: str


_NO_UPGRADE = Rule("upgrade=drop", "filtered", lambda request: not request.upgrade)


class Selection:
    """The rules of one B, in the order in which they apply. `most` is the size of the largest body that it may get, in
    bytes."""

    def __init__(self, rules: Sequence[Rule] = (), most: int = 0, *, upgrades: bool = False) -> None:
        self.rules = tuple(rules)
        self._most = most
        self._upgrades = upgrades
        checked = [rule for rule in self.rules if rule.reason != _OVER_RATE]
        after = next((place for place, rule in enumerate(checked) if rule.statuses is not None), len(checked))
        self._first = tuple((rule.holds, rule) for rule in checked[:after])
        self._statuses = None if after == len(checked) else checked[after].statuses
        self._then = tuple((rule.holds, rule) for rule in checked[after + 1 :])
        self._rates = tuple(rule.holds for rule in self.rules if rule.reason == _OVER_RATE)
        self.limits_rate = bool(self._rates)

    def refuses(self, request: Request, status: int = 0) -> str | None:
        """The drop reason of a request that this B does not get by all its rules but the rate, or None. `status` is
        that of A's answer.

        Call it once for each request: it draws a position.
        """
        if request.upgrade and not self._upgrades:
            return _NO_UPGRADE.reason
        for holds, rule in self._first:
            if not holds(request):
                return rule.reason
        if self._statuses is not None and status not in self._statuses:
            return _OTHER_STATUS
        for holds, rule in self._then:
            if not holds(request):
                return rule.reason
        return None

    def room(self, request: Request) -> int:
        """The size of the largest body with which this B may get a request, in bytes; 0 if its filters refuse it.

        For a request whose body still arrives. It draws no position and takes no token.
        """
        passes = all(rule.holds(request) for rule in self.rules if rule.reason in _BEFORE_SHARE)
        return self._most if passes else 0

    def over_rate(self, request: Request) -> bool:
        """Whether the rate has no token for a request. It takes one, so it comes after all other checks."""
        return not all(holds(request) for holds in self._rates)

    def foresee(self, request: Request) -> list[Finding]:
        """The results of the rules for a request, up to the first rule that certainly refuses it.

        It draws no position and takes no token.
        """
        if request.upgrade and not self._upgrades:
            return [Finding(_NO_UPGRADE, False, "it asks for " + ", ".join(request.upgrade))]
        findings = []
        for rule in self.rules:
            odds = rule.odds(request)
            findings.append(Finding(rule, None if odds else rule.holds(request), odds or rule.seen(request)))
            if findings[-1].passes is False:
                break
        return findings


def selections(
    criteria: Sequence[Criteria],
    clocks: Sequence[memoryview[float]] = (),
    orders: Sequence[Orders] = (),
    parts: Sequence[Part] = (),
) -> list[Selection]:
    """One selection for each B. `clocks` is the state of the rate limits in shared memory; by default it is new.
    `orders` is what may be ordered while the tee runs; without it, no rule reads it. `parts` return the part of each
    rate that is for this tee; without them, all of it."""
    decks: dict[str, SharedDeck] = {}
    ordered: Sequence[Orders | None] = orders or [None] * len(criteria)
    of_each = zip(criteria, clocks or shared_numbers(len(criteria)), ordered, parts or _whole(criteria), strict=True)
    return [
        Selection(
            list(_rules(one, decks, clock, order, part)),
            one.max_body if one.percent or order is not None else 0,
            upgrades=one.upgrades,
        )
        for one, clock, order, part in of_each
    ]


def _whole(criteria: Sequence[Criteria]) -> Sequence[Part]:
    return [lambda: 1.0] * len(criteria)


def _rules(
    criteria: Criteria, decks: dict[str, SharedDeck], clock: memoryview[float], orders: Orders | None, part: Part
) -> Iterator[Rule]:
    if orders is not None:
        yield Rule("not paused", "paused", lambda request: not orders.paused)
    for one in criteria.filters:
        yield Rule(one.text, "filtered", one.holds)
    if criteria.statuses is not None:
        yield _accepted(criteria.statuses)
    if criteria.percent < SCALE or orders is not None:
        yield _share(criteria, decks, _end_of(criteria, orders))
    yield Rule(f"max-body={criteria.max_body}", "too_large", _within(criteria.max_body))
    if criteria.rate is not None:
        yield _limit(criteria.rate, TokenBucket(criteria.rate, clock, part=part))


def _accepted(statuses: Statuses) -> Rule:
    text = f"only-status={statuses.text}"
    return Rule(text, _OTHER_STATUS, lambda request: True, lambda request: "if A answers so", statuses=statuses)


def _within(most: int) -> Test:
    return lambda request: len(request.body) <= most


def _limit(rate: Rate, bucket: TokenBucket) -> Rule:
    text = f"rate={rate.text}"
    return Rule(text, _OVER_RATE, lambda request: bucket.take(), lambda request: "if the rate allows")


def _end_of(criteria: Criteria, orders: Orders | None) -> Callable[[], float] | None:
    """What returns the end of a share that may be ordered; None for one that stays."""
    if orders is None:
        return None
    first, percent = criteria.first, criteria.percent

    def end() -> float:
        ordered = orders.percent
        return first + (percent if ordered is None else ordered)

    return end


def _share(criteria: Criteria, decks: dict[str, SharedDeck], end: Callable[[], float] | None) -> Rule:
    """The rule of a share: a request passes if its position is within it. The position is hashed or drawn."""
    first, after = criteria.first, criteria.first + criteria.percent
    words = [f"percent={criteria.percent:g}", *([f"sticky={criteria.sticky.text}"] if criteria.sticky else [])]
    text = " ".join([*words, *([f"split={criteria.split}"] if criteria.split else [])])
    draw = decks.setdefault(criteria.split, SharedDeck()).position if criteria.split else _each(Deck())
    odds = f"{criteria.percent:g} of 100 such requests" if criteria.percent else ""
    if criteria.sticky is None and end is None:
        return Rule(text, "sampled_out", lambda request: first <= draw(request) < after, lambda request: odds)
    if criteria.sticky is None:
        assert end is not None
        return Rule(text, "sampled_out", lambda request: first <= draw(request) < end(), lambda request: odds)
    key, hashed = criteria.sticky.key, stable_position(criteria.split or criteria.name)

    def holds(request: Request) -> bool:
        value = key(request)
        return first <= (draw(request) if value is None else hashed(value)) < (after if end is None else end())

    def seen(request: Request) -> str:
        value = key(request)
        return "" if value is None else f"position {hashed(value):.2f}, share {first:g} to {after:g}"

    return Rule(text, "sampled_out", holds, lambda request: "" if key(request) is not None else odds, seen)


def _each(deck: Deck) -> Callable[[Request], float]:
    """The positions of a deck that only one B uses. Called once for each request, so it stores none."""
    draw = deck.draw
    return lambda request: draw()
