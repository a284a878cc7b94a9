"""Which requests a B gets: its rules, one after the other, and the first that a request does not pass says why.

The filters come first, then the share, then the size of the body, then the rate. So each reason counts what had
passed all before it: `sampled_out` is out of what the filters let through, 10 percent of GETs is 10 percent of GETs,
and a token of the rate is taken for what would be sent. A rule that lets everything through is not there at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from httptee.http.message import FileBody, Request
from httptee.selection.rate import Rate, TokenBucket, shared_clocks
from httptee.selection.rules import Test
from httptee.selection.sampling import SCALE, Deck, SharedDeck, stable_position
from httptee.settings.shadow_settings import ShadowSettings


def _nothing(request: Request) -> str:
    return ""


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


def selections(shadows: Sequence[ShadowSettings], clocks: Sequence[memoryview[float]] = ()) -> list[Selection]:
    """One for each B. `clocks` are what the rate limits of all processes share; without any they are this one's own."""
    decks: dict[str, SharedDeck] = {}
    return [
        Selection(list(_rules(shadow, decks, clock)))
        for shadow, clock in zip(shadows, clocks or shared_clocks(len(shadows)), strict=True)
    ]


def _rules(shadow: ShadowSettings, decks: dict[str, SharedDeck], clock: memoryview[float]) -> Iterator[Rule]:
    for one in shadow.filters:
        yield Rule(one.text, "filtered", one.holds)
    if shadow.percent < SCALE:
        yield _share(shadow, decks)
    yield Rule(f"max-body={shadow.max_body}", "too_large", _within(shadow.max_body))
    if shadow.rate is not None:
        yield _limit(shadow.rate, TokenBucket(shadow.rate, clock))


def _within(most: int) -> Test:
    def holds(request: Request) -> bool:
        body = request.body
        return not isinstance(body, FileBody) and len(body) <= most

    return holds


def _limit(rate: Rate, bucket: TokenBucket) -> Rule:
    text = f"rate={rate.text}"
    return Rule(text, "rate_limited", lambda request: bucket.take(), lambda request: "if the rate allows")


def _share(shadow: ShadowSettings, decks: dict[str, SharedDeck]) -> Rule:
    """Whether a request's position on the scale lies within the share: hashed from its key, or drawn."""
    first, after = shadow.first, shadow.first + shadow.percent
    words = [f"percent={shadow.percent:g}", *([f"sticky={shadow.sticky.text}"] if shadow.sticky else [])]
    text = " ".join([*words, *([f"split={shadow.split}"] if shadow.split else [])])
    draw = decks.setdefault(shadow.split, SharedDeck()).position if shadow.split else _each(Deck())
    odds = f"{shadow.percent:g} of 100 such requests" if shadow.percent else ""
    if shadow.sticky is None:
        return Rule(text, "sampled_out", lambda request: first <= draw(request) < after, lambda request: odds)
    key, hashed = shadow.sticky.key, stable_position(shadow.split or shadow.name)

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
