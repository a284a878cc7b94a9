import json

import pytest

from httptee.compare import differences
from httptee.verdict.court.keys import KeyState
from httptee.verdict.court.relations import Differing, Place, Repeated
from tests.verdict.court.cases import NOW, again, answer, pair

PLACE = Place("body", "$.x", "value")


def counted(a, b, key=None, **changed):
    key = key or KeyState(PLACE, 0, NOW)
    one = pair({"x": a}, {"x": b}, **changed)
    [difference] = differences(one.a, one.b)
    key.count(one, difference)
    return key


def repeated(a, b, a2, b2, key=None, more=()):
    key = key or KeyState(PLACE, 0, NOW)
    one = pair({"x": a}, {"x": b})
    answers = again({"x": a2}, {"x": b2}, more=[{"x": each} for each in more])
    explained = key.repeat(Repeated(one, answers, differences(one.a, one.b)))
    return key, explained


def shown(key):
    names = ("stays", "hard", "late", "a_odd", "distinct", "moves", "b_again", "a_again", "more_odd", "flips")
    return {name: getattr(key, name) for name in names if getattr(key, name)}


@pytest.mark.parametrize(
    ("answers", "expected", "explained"),
    [
        ((1, 2, 1, 2), {"stays": 1, "b_again": 1}, False),
        ((1, 2, 1, 3), {"stays": 1, "b_again": 1}, False),
        ((1, 2, 1, 1), {"late": 1, "flips": 1}, False),
        ((1, 2, 2, 2), {"a_odd": 1}, True),
        ((1, 2, 3, 4), {"distinct": 1}, True),
        ((1, 1, 2, 1), {"moves": 1, "a_again": 1}, False),
        ((1, 1, 1, 2), {"b_again": 1}, False),
        ((1, 1, 1, 1), {}, False),
    ],
)
def test_a_confirmation_shows_which_answer_is_odd(answers, expected, explained):
    key, found = repeated(*answers)
    assert (shown(key), found) == (expected, explained)


def test_that_b_agrees_again_explains_a_pair_where_a_is_odd_as_often():
    key, _ = repeated(1, 2, 2, 2)
    assert repeated(1, 2, 1, 1, key)[1]
    assert not repeated(1, 2, 1, 1, key)[1]


def test_further_answers_of_b_count_where_a_agrees_with_itself():
    assert shown(repeated(1, 2, 1, 1, more=(1, 2, 3, 1))[0]) == {"late": 1, "flips": 1, "more_odd": 2}
    assert shown(repeated(1, 2, 3, 4, more=(1, 2, 3, 1))[0]) == {"distinct": 1}


def test_an_answer_of_b_after_which_all_are_odd_may_come_of_a_write():
    assert shown(repeated(1, 2, 1, 1, more=(1, 3, 3, 3))[0]) == {"late": 1, "flips": 1}
    assert shown(repeated(1, 2, 1, 1, more=(3, 1, 3, 3))[0]) == {"late": 1, "flips": 1, "more_odd": 1}


def test_a_b_that_fails_is_never_late():
    key = KeyState(Place("status", "", "value"), 0, NOW)
    one = pair({"x": 1}, answer({"error": 1}, status=500))
    key.repeat(Repeated(one, again({"x": 1}, {"x": 1}), differences(one.a, one.b)))
    assert shown(key) == {"hard": 1, "flips": 1}


def test_pairs_are_counted_with_the_first_examples():
    key = counted(1, 2, number=11)
    for number in range(12, 30):
        counted(1, 3, key, number=number)
    assert (key.pairs, key.a, key.b, key.examples) == (19, "1", "2", [11, 12, 13, 14, 15])


def test_the_most_frequent_values_are_counted():
    key = counted("a", "c")
    for _ in range(10):
        counted("a", "b", key)
    assert (key.fixed, key.plain) == (9, 1)  # the first one is still in the way of one
    assert counted(True, False).plain == 0


def test_directions_are_counted_apart():
    key = KeyState(Place("body", "$.x", "presence"), 0, NOW)
    for a, b in [({"x": 1}, {}), ({"x": 1}, {}), ({}, {"x": 1})]:
        one = pair(a, b)
        key.count(one, differences(one.a, one.b)[0])
    assert (key.missing, key.extra) == (2, 1)


def test_stamps_and_hashes_are_asked_again_later_and_not_too_often():
    key = counted("2023-11-14T22:13:20Z", "2023-11-14T22:13:21Z")
    [difference] = differences(answer({"x": "2023-11-14T22:13:20Z"}), answer({"x": "2023-11-14T22:13:21Z"}))
    assert not key.wants_delayed(difference, NOW)  # nothing is confirmed yet
    key.stays = 1
    assert [key.wants_delayed(difference, NOW + second) for second in (0, 1, 11, 13, 26)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert [key.wants_delayed(difference, NOW + second) for second in (40, 60, 80, 100)] == [True, True, True, False]
    assert key.wants_delayed(difference, NOW + 1000)  # none of them has ended


def test_later_answers_that_a_judge_has_lost_are_wanted_again():
    key = KeyState(PLACE, 0, NOW)
    key.delayed, key.last_delayed = 3, NOW
    assert not key.lacks_delayed(NOW + 100)  # all of them are to come
    assert key.lacks_delayed(NOW + 1000)
    key.steady = 3
    assert not key.lacks_delayed(NOW + 1000)


def test_other_values_are_not_asked_again_later():
    key = counted("gold", "silver")
    key.stays = 1
    assert not key.wants_delayed(differences(answer({"x": "gold"}), answer({"x": "silver"}))[0], NOW)


def test_later_answers_of_a_have_changed_or_not():
    key = KeyState(PLACE, 0, NOW)
    key.delayed = 2
    differ, same = (Differing(differences(answer({"x": 1}), answer({"x": x}))) for x in (2, 1))
    key.repeat_delayed(differ, differ)
    key.repeat_delayed(differ, same)
    key.repeat_delayed(same, differ)
    assert (key.changed, key.steady) == (1, 1)


def test_the_state_is_restored_exactly():
    key, _ = repeated(1, 2, 1, 1, more=(2,))
    counted("a", "b", key)
    key.quiet = True
    state = json.loads(json.dumps(key.state()))
    assert KeyState.restored(state).state() == key.state()


def test_the_counts_of_a_place_of_another_route_are_added():
    key = counted("v1", "v2", number=1)
    other = counted("v1", "v2", counted("v1", "v2", number=2), number=3)
    repeated("v1", "v2", "v1", "v2", other)
    key.pending, other.pending, other.quiet = 1, 5, True
    key.merge(other)
    assert (key.pairs, key.fixed, key.examples, key.quiet) == (3, 3, [1, 2, 3], True)
    assert shown(key) == shown(other)
    assert key.pending == 1


def test_of_two_constants_the_more_frequent_one_stays():
    key, other = counted("v1", "v2"), counted("v1", "v3", counted("v1", "v3"))
    key.merge(other)
    assert (key.pairs, key.fixed, key.a, key.b, key.first) == (3, 2, other.a, "'v2'", NOW)
