"""What a place that differs is held to be, and how much it is worth to ask A and B again about it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, sqrt

from httptee.verdict.court.bets import log_evidence, log_evidence_below
from httptee.verdict.court.keys import DELAYED_NEEDED, KeyState

EXPLAINED = frozenset({"noise", "constant", "late", "refreshes", "ignored", "accepted"})
"""The labels of mismatches that do not speak against B."""
LOOKED_INTO = frozenset({"noise", "refreshes"})
"""Those of them that explain a value of B only if A has shown its like."""

_UNSTABLE = log(2.5)  # B's repeats differ where A's do not: 3 of 3, 5 of 6, ...
_CONFIRMATIONS = 20  # from which on a place can be called noise
_LITTLE = log(5)  # evidence below it is none
_MUCH = log(100)  # evidence that ends what was noise, or says that B is late: 9 of 9
_FIXED, _FIXED_PAIRS = 0.99, 20
_FEW = 3  # refusals without a confirmation, from which on there will be none; times that are not chance
_FEWER = 0.5  # pairs a second; each of a rarer difference is worth to be asked again
_AGREES = 4  # times as often as not, from where on B may be late
_UNSURE = log(100)  # the evidence that it is no race: one is taken for late with a chance of 1 in 100
_UNSURE_DRAWS = 5.0  # by the rate of a race: answers of B of which none is odd, from which on it is late
_RARER = 1.25  # the rate of a race is an estimate: B is asked until that of a race rarer by so much would have shown
_MORE, _MOST_MORE = 4, 16  # answers of B alone at one confirmation
_SETTLED = 0.3  # the priority of what is decided


@dataclass(frozen=True, slots=True)
class Held:
    """What a place is held to be and why; `weight` is the logarithm of the evidence against B."""

    label: str
    reason: str
    weight: float


@dataclass(frozen=True, slots=True)
class Terms:
    """What a label depends on beside the counts of the place.

    `enough`: the logarithm of the evidence that decides. `repeatable`: A and B may be asked again. `judged` pairs of
    the route, and `draws` second answers of B. `writes`: there are requests that change what B answers, so that B may
    be late with it. Of the judged pairs, `uncompared` have no fields and bodies that can be compared.
    """

    enough: float
    repeatable: bool
    judged: int
    draws: int
    writes: bool = True
    uncompared: int = 0

    @property
    def compared(self) -> int:
        """Judged pairs of which fields and bodies were compared."""
        return self.judged - self.uncompared


def own_noise(key: KeyState) -> int:
    """Confirmations that show noise of A itself."""
    return key.a_odd + key.distinct + key.moves


def confirmations(key: KeyState) -> int:
    """Confirmations in which A or B differed here."""
    return key.stays + key.hard + key.late + own_noise(key)


def unstable(key: KeyState) -> bool:
    """Whether B's repeats are odd, where A's are not: then B was not just late."""
    heads, tails = key.b_again + key.more_odd, key.a_again + own_noise(key)
    return log_evidence(heads, heads + tails) >= _UNSTABLE


def differs_from_itself(key: KeyState) -> bool:
    """Whether B was odd and then was not, more than once or twice, where A agreed with itself."""
    return key.flips >= _FEW and 2 * key.flips > own_noise(key)


def against(key: KeyState, with_late: bool) -> float:
    """The logarithm of the evidence that B differs.

    That B agreed when it was asked again may mean that it was late: the read came before a write had reached B. So
    these confirmations count only where B is unstable, or where it is asked what they would mean (`with_late`).
    """
    heads = key.stays + key.hard + (key.late if with_late or unstable(key) else 0)
    return log_evidence(heads, heads + key.a_odd)


def is_noise(key: KeyState) -> bool:
    """Whether A's own noise explains what differs. Where it did, it does as long as there is no evidence.

    Where A has noise of its own, that B agreed when it was asked again means nothing: so would A have done.
    """
    own, seen = own_noise(key), confirmations(key)
    lasting, most = key.stays + key.hard, key.stays + key.hard + key.late
    odd, all_odd = log_evidence(lasting, lasting + key.a_odd), log_evidence(most, most + key.a_odd)
    if max(odd, all_odd) >= _MUCH:
        key.quiet = False
    elif seen >= _CONFIRMATIONS and odd < _LITTLE and 2 * own >= (seen if all_odd >= _LITTLE else seen - key.late):
        key.quiet = True
    return key.quiet


def is_late(key: KeyState, terms: Terms) -> bool:
    """Whether B mostly agreed when it was asked again, and its repeats do not show that it is unstable."""
    most = key.late >= _AGREES * (key.stays + key.hard) and key.late > own_noise(key)
    return terms.writes and most and not unstable(key)


def is_fixed(key: KeyState, compared: int) -> bool:
    """Whether nearly all compared pairs of the route have the same two values here, such as two host names."""
    part, _, level = key.place
    may_be = level == "value" and part in ("header", "body") and key.plain
    return bool(may_be) and key.fixed >= max(_FIXED_PAIRS, _FIXED * compared)


def inside_is_odd(key: KeyState) -> bool:
    """Whether what is new at B is not as often new at A."""
    return key.inside.log_evidence >= _LITTLE


def held(key: KeyState, terms: Terms) -> Held:
    """The label of a place. The operator's rules come before it."""
    weight = against(key, not terms.writes)
    if is_fixed(key, terms.compared):
        return Held("constant", f"the same two values in {key.fixed} of {terms.compared} pairs", weight)
    if is_noise(key):
        own, seen = own_noise(key), confirmations(key)
        return _unless_inside(key, terms, "noise", f"A's own answers differ here in {own} of {seen} confirmations")
    if refreshed := _refreshed(key):
        return _unless_inside(key, terms, "refreshes", refreshed)
    if weight >= terms.enough:
        return _differs(key, weight)
    if own_noise(key) >= 3 and 2 * own_noise(key) >= confirmations(key) and key.inside.log_evidence >= terms.enough:
        return _unless_inside(key, terms, "noise", "")
    if is_late(key, terms) and _late_is_shown(key):
        return _late(key, terms, weight)
    if not confirmations(key) and (not terms.repeatable or key.refused >= _FEW):
        return Held("suspected", "A and B could not be asked again, so this may be noise", weight)
    return Held("undecided", _progress(key), weight)


def _late_is_shown(key: KeyState) -> bool:
    """Whether it is no chance that B agrees when it is asked again, and A does not differ."""
    return against(key, True) >= _MUCH


def _late(key: KeyState, terms: Terms, weight: float) -> Held:
    agreed = f"asked again, B agreed with A {key.late} times"
    if _late_is_sure(key, terms):
        return Held("late", agreed, weight)
    odd = f"{key.b_again + key.more_odd} of {terms.draws} further answers of B are odd"
    return Held("undecided", f"{agreed}: B is late, or differs from itself; {odd}", weight)


def _refreshed(key: KeyState) -> str:
    if key.changed and 4 * key.changed >= key.steady:
        return f"A's own answer had changed in {key.changed} of {key.changed + key.steady} later confirmations"
    return ""


def _differs(key: KeyState, weight: float) -> Held:
    if key.delayed and key.steady < DELAYED_NEEDED:
        return Held("undecided", "B differs, unless A's own answer changes later: A is asked again for that", weight)
    heads, note = key.stays + key.hard + key.late, "; B differs from itself" if differs_from_itself(key) else ""
    return Held("differs", f"B alone is odd in {heads} confirmations, A alone in {key.a_odd}{note}", weight)


def _unless_inside(key: KeyState, terms: Terms, label: str, reason: str) -> Held:
    """The label, unless a check inside the field has found something, or one direction of presence is too frequent."""
    weight, words = key.inside.strongest
    for lacks, times, other in (("B", key.missing, key.extra), ("A", key.extra, key.missing)):
        presence = log_evidence(times, times + other)
        if presence > weight:
            weight, words = presence, f"{lacks} lacks it {times} times, the other one {other} times"
    return Held("differs", f"within noise, {words}", weight) if weight >= terms.enough else Held(label, reason, weight)


def _progress(key: KeyState) -> str:
    odd = key.stays + key.hard + key.late
    return f"B alone is odd in {odd} confirmations so far, A's own noise shows in {own_noise(key)}"


def wants_more(key: KeyState, terms: Terms) -> int:
    """How many further answers of B alone are to tell whether it is late or unstable. The rarer, the more it takes."""
    if not is_late(key, terms) or _late_is_sure(key, terms, _RARER):
        return 0
    return min(_MOST_MORE, max(_MORE, ceil(_UNSURE_DRAWS / _race(key, terms) / _CONFIRMATIONS)))


def _late_is_sure(key: KeyState, terms: Terms, rarer: float = 1.0) -> bool:
    """Whether B's second answers are odd less often than first ones are, or than `rarer` ones would be.

    In a race, both are as likely to be odd.
    """
    rate, odd = _race(key, terms) / rarer, key.b_again + key.more_odd
    return odd < terms.draws and log_evidence_below(odd, terms.draws, rate) >= _UNSURE


def _race(key: KeyState, terms: Terms) -> float:
    """How frequent a race would have to be, or one standard error less. In one that is more frequent than one in five,
    B would not agree so often."""
    pairs = max(2, key.pairs)
    return min((pairs - sqrt(pairs)) / max(pairs, terms.judged), 1 / (1 + _AGREES))


def priority(key: KeyState, terms: Terms, now: float) -> float:
    """How much it is worth to ask again about a pair that differs at this place; 0: nothing.

    Rare differences come first, for they offer few chances, and then those that are closest to a decision.
    """
    rate = key.pairs / max(1.0, now - key.first)
    if key.pending >= (3 if rate > _FEWER else 20):
        return 0.0
    if is_fixed(key, terms.compared):
        return _SETTLED
    weight, shift = against(key, True), key.inside.shift
    rarity = 1 / (1 + rate / _FEWER)
    if weight >= terms.enough and not is_late(key, terms):
        return 2.0 + rarity if key.lacks_delayed(now) else _SETTLED
    if is_late(key, terms):
        return _SETTLED if _late_is_shown(key) and _late_is_sure(key, terms, _RARER) else 1.5 + rarity
    if is_noise(key):
        is_open = shift >= _LITTLE and key.inside.log_evidence < terms.enough
        return 2.0 + rarity if is_open else _SETTLED
    return 2.0 + rarity + max(0.0, weight) / terms.enough
