"""Which requests a B gets: its rules, one after the other, and the first that a request does not pass says why.

The filters come first, then the share, then the size of the body, then the rate. So each reason counts what had
passed all before it: `sampled_out` is out of what the filters let through, 10 percent of GETs is 10 percent of GETs,
and a token of the rate is taken for what would be sent. A rule that lets everything through is not there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from httptee.http import FileBody, Request
from httptee.ledger import shared_numbers
from httptee.selection.rate import Rate, TokenBucket
from httptee.selection.rules import Filter, Test
from httptee.selection.sampling import SCALE, Deck, SharedDeck, Sticky, stable_position


def _nothing(request: Request) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Criteria:
    """Which requests one B gets, as its line and the general options say. `max_body` is in bytes.

    The share of the scale is `percent` long and begins at `first`. The Bs of one `split` lie side by side on it.
    """

    name: str
    percent: float = SCALE
    first: float = 0.0
    sticky: Sticky | None = None
    split: str = ""
    filters: tuple[Filter, ...] = ()
    max_body: int = 1024 * 1024
    rate: Rate | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one B: `holds` says whether a request passes, `reason` is the drop reason of one that does not.

    `text` is how it would be written. `odds` says what passing depends on where the request alone does not decide;
    `seen` what the rule sees in the request.
    """

    text: str
    reason: str
    holds: Test
    odds: Callable[[Request], str] = _nothing
    seen: Callable[[Request], str] = _nothing


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule makes of a request: whether it passes, None where that depends, and what there is to say."""

    rule: Rule
    passes: bool | None
    note: str


class Selection:
    """The rules of one B, in the order in which they are asked."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._checks = tuple((rule.holds, rule) for rule in self.rules)

    def refuses(self, request: Request) -> str | None:
        """The drop reason of a request this B is not to get, or None. To be asked once for a request."""
        for holds, rule in self._checks:
            if not holds(request):
                return rule.reason
        return None

    def foresee(self, request: Request) -> list[Finding]:
        """What becomes of a request, rule by rule, up to one that refuses it for certain. Draws and takes nothing."""
        findings = []
        for holds, rule in self._checks:
            odds = rule.odds(request)
            findings.append(Finding(rule, None if odds else holds(request), odds or rule.seen(request)))
            if findings[-1].passes is False:
                break
        return findings


def selections(criteria: Sequence[Criteria], clocks: Sequence[memoryview[float]] = ()) -> list[Selection]:
    """One for each B. `clocks` are what the rate limits of all processes share; without any they are this one's own."""
    decks: dict[str, SharedDeck] = {}
    return [
        Selection(list(_rules(one, decks, clock)))
        for one, clock in zip(criteria, clocks or shared_numbers(len(criteria)), strict=True)
    ]


def _rules(criteria: Criteria, decks: dict[str, SharedDeck], clock: memoryview[float]) -> Iterator[Rule]:
    for one in criteria.filters:
        yield Rule(one.text, "filtered", one.holds)
    if criteria.percent < SCALE:
        yield _share(criteria, decks)
    yield Rule(f"max-body={criteria.max_body}", "too_large", _within(criteria.max_body))
    if criteria.rate is not None:
        yield _limit(criteria.rate, TokenBucket(criteria.rate, clock))


def _within(most: int) -> Test:
    def holds(request: Request) -> bool:
        body = request.body
        return not isinstance(body, FileBody) and len(body) <= most

    return holds


def _limit(rate: Rate, bucket: TokenBucket) -> Rule:
    text = f"rate={rate.text}"
    return Rule(text, "rate_limited", lambda request: bucket.take(), lambda request: "if the rate allows")


def _share(criteria: Criteria, decks: dict[str, SharedDeck]) -> Rule:
    """Whether a request's position on the scale lies within the share: hashed from its key, or drawn."""
    first, after = criteria.first, criteria.first + criteria.percent
    words = [f"percent={criteria.percent:g}", *([f"sticky={criteria.sticky.text}"] if criteria.sticky else [])]
    text = " ".join([*words, *([f"split={criteria.split}"] if criteria.split else [])])
    draw = decks.setdefault(criteria.split, SharedDeck()).position if criteria.split else _each(Deck())
    odds = f"{criteria.percent:g} of 100 such requests" if criteria.percent else ""
    if criteria.sticky is None:
        return Rule(text, "sampled_out", lambda request: first <= draw(request) < after, lambda request: odds)
    key, hashed = criteria.sticky.key, stable_position(criteria.split or criteria.name)

    def holds(request: Request) -> bool:
        value = key(request)
        return first <= (draw(request) if value is None else hashed(value)) < after

    def seen(request: Request) -> str:
        value = key(request)
        return "" if value is None else f"at {hashed(value):.2f}, its share is {first:g} to {after:g}"

    return Rule(text, "sampled_out", holds, lambda request: "" if key(request) is not None else odds, seen)


def _each(deck: Deck) -> Callable[[Request], float]:
    """A deck that nobody else draws from: asked once for a request, it need not remember any."""
    draw = deck.draw
    return lambda request: draw()
