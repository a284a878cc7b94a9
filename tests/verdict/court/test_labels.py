from math import log
from random import Random

import pytest

from httptee.verdict.court.keys import KeyState
from httptee.verdict.court.labels import (
    Terms,
    differs_from_itself,
    held,
    is_late,
    is_noise,
    priority,
    unstable,
    wants_more,
)
from httptee.verdict.court.relations import Place
from tests.verdict.court.cases import NOW

ENOUGH = log(50 / 0.01)
TERMS = Terms(ENOUGH, True, 1000, 300)


def key(path="$.x", level="value", part="body", **counts):
    found = KeyState(Place(part, path, level), 0, NOW)
    found.pairs = 50
    for name, value in counts.items():
        setattr(found, name, value)
    return found


def label(counts, terms=TERMS, **place):
    return held(key(**place, **counts), terms).label


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, "undecided"),
        ({"stays": 15}, "undecided"),
        ({"stays": 16}, "differs"),
        ({"hard": 16}, "differs"),
        ({"stays": 16, "a_odd": 4}, "undecided"),
        ({"stays": 40, "a_odd": 2}, "differs"),
        ({"distinct": 19}, "undecided"),
        ({"distinct": 20}, "noise"),
        ({"a_odd": 12, "stays": 9}, "noise"),
        ({"a_odd": 10, "late": 10}, "noise"),
        ({"moves": 25}, "noise"),
        ({"a_odd": 8, "stays": 12}, "undecided"),
        ({"late": 16}, "late"),
        ({"late": 8}, "undecided"),
        ({"late": 30, "stays": 9}, "undecided"),
        ({"late": 16, "b_again": 2}, "late"),
        ({"late": 16, "b_again": 1, "more_odd": 2}, "differs"),
        ({"late": 16, "a_odd": 1, "b_again": 3}, "late"),
        ({"late": 16, "b_again": 2, "pairs": 30}, "undecided"),
    ],
)
def test_confirmations_decide_the_label(counts, expected):
    assert label(counts) == expected


def test_without_writes_nothing_is_late():
    assert label({"late": 16}, Terms(ENOUGH, True, 1000, 100, writes=False)) == "differs"


def test_one_pair_of_values_everywhere_is_constant():
    constant = {"pairs": 1000, "fixed": 995, "plain": 1, "stays": 30}
    assert label(constant) == "constant"
    assert label(constant, part="header") == "constant"
    assert label({**constant, "fixed": 980}) == "differs"
    assert label(constant, Terms(ENOUGH, True, 5000, 100)) == "differs"
    assert label({**constant, "plain": 0}) == "differs"
    assert label(constant, part="status", path="") == "differs"
    assert label(constant, level="type") == "differs"


def test_what_may_not_be_asked_again_is_suspected():
    assert label({}, Terms(ENOUGH, False, 1000, 0)) == "suspected"
    assert label({"refused": 3}) == "suspected"
    assert label({"refused": 3, "stays": 1}) == "undecided"


def test_a_stamp_differs_only_once_a_was_steady_for_long():
    assert label({"stays": 30, "delayed": 4}) == "undecided"
    assert label({"stays": 30, "delayed": 4, "steady": 3}) == "differs"
    assert label({"stays": 30, "delayed": 4, "changed": 1, "steady": 2}) == "refreshes"


def test_noise_ends_with_much_evidence_only():
    one = key(distinct=20)
    assert is_noise(one)
    one.stays = 4
    assert is_noise(one)
    one.stays = 12
    assert not is_noise(one)


def test_noise_is_still_looked_into():
    one = key(distinct=30)
    one.inside._coins["shape"].heads = 17
    assert held(one, TERMS).label == "noise"
    one.inside._coins["shape"].heads = 18
    found = held(one, TERMS)
    assert found.label == "differs"
    assert found.reason.startswith("within noise, a shape that A has not shown")


def test_a_direction_of_presence_is_looked_into():
    assert label({"distinct": 20, "missing": 30, "extra": 28}, level="presence") == "noise"
    assert label({"distinct": 20, "missing": 60, "extra": 5}, level="presence") == "differs"


def test_what_looks_like_a_shape_without_noise_of_a_is_no_difference_yet():
    one = key(late=12, moves=1)
    one.inside._coins["value"].heads = 40
    assert held(one, TERMS).label != "differs"


def test_as_own_noise_b_is_not_unstable():
    assert unstable(key(b_again=3))
    assert not unstable(key(b_again=2))
    assert not unstable(key(b_again=3, a_again=3))
    assert not unstable(key(more_odd=5, distinct=8))


def test_a_b_that_was_odd_and_then_was_not_differs_from_itself():
    assert differs_from_itself(key(flips=3))
    assert not differs_from_itself(key(flips=2))
    assert not differs_from_itself(key(flips=5, distinct=20))
    assert held(key(hard=20, flips=19), TERMS).reason.endswith("; B differs from itself")


def test_reasons_have_figures():
    assert held(key(stays=20, a_odd=1), TERMS).reason == "B alone is odd in 20 confirmations, A alone in 1"
    assert "30 of 30" in held(key(distinct=30), TERMS).reason


def test_rare_differences_are_asked_again_first():
    rare, frequent = key(pairs=5), key(pairs=2000)
    assert priority(rare, TERMS, NOW + 100) > priority(frequent, TERMS, NOW + 100) > 1


def test_what_is_near_a_decision_comes_before_what_is_new():
    assert priority(key(stays=12), TERMS, NOW + 100) > priority(key(), TERMS, NOW + 100)


@pytest.mark.parametrize("counts", [{"stays": 20}, {"distinct": 30}, {"pairs": 1000, "fixed": 1000, "plain": 1}])
def test_what_is_decided_comes_last(counts):
    assert 0 < priority(key(**counts), TERMS, NOW + 100) < 1


def test_a_late_b_is_not_decided_before_it_is_shown_that_this_is_no_chance():
    terms = Terms(ENOUGH, True, 1000, 500)
    few, enough = key(pairs=20, late=8), key(pairs=20, late=9)
    assert (held(few, terms).label, held(enough, terms).label) == ("undecided", "late")
    assert priority(few, terms, NOW + 100) > 1 > priority(enough, terms, NOW + 100)


def test_a_stamp_is_not_decided_before_it_was_asked_for_again_much_later():
    one = key(stays=30, delayed=2)
    assert priority(one, TERMS, NOW + 100) > 2
    one.last_delayed = NOW + 95
    assert priority(one, TERMS, NOW + 100) < 1
    one.last_delayed, one.delayed = NOW, 3
    assert priority(one, TERMS, NOW + 100) < 1


def test_few_wishes_are_open_for_one_place():
    assert priority(key(pairs=1000, pending=3), TERMS, NOW + 100) == 0
    assert priority(key(pairs=5, pending=3), TERMS, NOW + 100) > 0
    assert priority(key(pairs=5, pending=20), TERMS, NOW + 100) == 0


def test_a_shift_inside_noise_is_followed():
    one = key(distinct=30)
    one.inside._coins["higher"].heads = 6
    assert priority(one, TERMS, NOW + 100) > 2


def test_a_late_b_is_asked_further_until_a_race_would_have_shown():
    late = key(pairs=50, late=10)
    assert is_late(late, TERMS)
    assert wants_more(late, Terms(ENOUGH, True, 1000, 90))
    assert not wants_more(late, Terms(ENOUGH, True, 1000, 160))
    assert not wants_more(key(stays=10), TERMS)


def test_a_late_b_is_asked_until_it_stays_late_where_the_rate_turns_out_lower():
    late, sure = key(pairs=50, late=10), Terms(ENOUGH, True, 1000, 120)
    assert held(late, sure).label == "late"
    assert wants_more(late, sure)
    assert priority(late, sure, NOW + 100) > 1
    later = Terms(ENOUGH, True, 1200, 150)
    assert held(late, later).label == "late"


def test_of_a_rare_late_b_more_answers_are_wanted():
    assert wants_more(key(pairs=50, late=10), Terms(ENOUGH, True, 1000, 0)) == 6
    assert wants_more(key(pairs=5, late=1), Terms(ENOUGH, True, 10, 0)) == 4
    assert wants_more(key(pairs=50, late=10), Terms(ENOUGH, True, 100_000, 0)) == 16
    assert wants_more(key(pairs=0, late=1), Terms(ENOUGH, True, 10, 0)) == 5


def test_a_late_b_whose_further_answers_are_odd_is_asked_longer():
    late = key(pairs=50, late=20, b_again=1, more_odd=1)
    assert wants_more(late, Terms(ENOUGH, True, 1000, 150))
    assert held(late, Terms(ENOUGH, True, 1000, 150)).label == "undecided"
    assert not wants_more(late, Terms(ENOUGH, True, 1000, 400))
    assert held(late, Terms(ENOUGH, True, 1000, 400)).label == "late"


def raced(rate, random, most):
    """Whether B is taken to be late at any time of a race, in which first and further answers are odd as often."""
    race, draws = key(pairs=0), 0
    for judged in range(1, most):
        if random.random() >= rate:
            continue
        race.pairs += 1
        more = wants_more(race, Terms(ENOUGH, True, judged, draws))
        odd = [random.random() < rate for _ in range(1 + more)]
        race.stays, race.late, race.b_again = race.stays + odd[0], race.late + (not odd[0]), race.b_again + odd[0]
        race.more_odd += sum(odd[1:-1])
        draws += max(1, more)
        if held(race, Terms(ENOUGH, True, judged, draws)).label == "late":
            return True
    return False


@pytest.mark.parametrize("rate", [0.02, 0.05, 0.2])
def test_a_race_is_hardly_ever_taken_for_a_late_b(rate):
    random = Random(5)
    assert sum(raced(rate, random, round(60 / rate)) for _ in range(200)) <= 200 * 0.02
