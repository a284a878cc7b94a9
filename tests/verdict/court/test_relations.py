import pytest

from httptee.compare import Key, differences
from httptee.verdict.court.relations import Differing, Place, Repeated, place_of
from tests.verdict.court.cases import again, answer, failed, pair


def differing(a, b):
    return Differing(differences(*(answer(each) if isinstance(each, dict) else each for each in (a, b))))


def test_missing_and_extra_are_one_level():
    assert place_of(Key("body", "$.a", "missing")) == place_of(Key("body", "$.a", "extra"))
    assert place_of(Key("body", "$.a", "type")) == Place("body", "$.a", "type")


def test_answers_differ_at_a_place_and_agree_at_others():
    found = differing({"a": 1, "b": 2}, {"a": 1, "b": 3})
    assert found.at(Place("body", "$.b", "value"))
    assert not found.at(Place("body", "$.a", "value"))
    assert not found.at(Place("header", "etag", "value"))


@pytest.mark.parametrize(
    ("other", "levels"),
    [
        ({"a": 2}, {"value"}),
        ({"a": None}, {"value", "type"}),
        ({}, {"value", "type", "presence"}),
    ],
)
def test_a_difference_counts_at_its_level_and_above(other, levels):
    found = differing({"a": 1}, other)
    assert {level for level in ("value", "type", "presence") if found.at(Place("body", "$.a", level))} == levels


def test_below_what_is_missing_nothing_agrees():
    found = differing({"a": {"b": 1}, "c": 1}, {"c": 1})
    assert found.at(Place("body", "$.a.b", "value"))
    assert not found.at(Place("body", "$.c", "value"))


def test_what_cannot_be_compared_does_not_agree():
    for found in (differing({"a": 1}, failed()), differing({"a": 1}, answer({"a": 1}, status=500))):
        assert found.at(Place("body", "$.a", "value"))
        assert found.at(Place("header", "etag", "presence"))


def test_equal_answers_agree_everywhere():
    assert not differing({"a": 1}, {"a": 1}).at(Place("body", "$.a", "value"))


def test_the_values_at_a_place_are_known():
    found = differing({"a": 1}, {"a": 2})
    difference = found.value(Place("body", "$.a", "value"))
    assert (difference.a, difference.b) == (1, 2)
    assert found.value(Place("body", "$.b", "value")) is None


def test_a_repeat_relates_all_four_answers():
    one = pair({"x": 1}, {"x": 2})
    repeated = Repeated(one, again({"x": 1}, {"x": 3}, more=[{"x": 1}, {"x": 2}]), differences(one.a, one.b))
    place = Place("body", "$.x", "value")
    related = [repeated.a_b, repeated.a_a2, repeated.a2_b, repeated.a_b2, repeated.a2_b2, *repeated.more]
    assert [each.at(place) for each in related] == [True, False, True, True, True, False, True]
