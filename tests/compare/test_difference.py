import math
from decimal import Decimal

import pytest

from httptee.compare.difference import MORE, Found, Key, Outline, shown


def test_the_first_instance_of_a_key_is_kept_and_the_others_counted():
    found = Found()
    found.add("body", "$[]", "value", 1, 2, "$[0]")
    found.add("body", "$[]", "value", 3, 4, "$[1]")
    [difference] = found.all()
    assert (difference.key, difference.a, difference.b) == (Key("body", "$[]", "value"), 1, 2)
    assert (difference.place, difference.times) == ("$[0]", 2)


def test_the_number_of_keys_is_bounded():
    found = Found(3)
    for i in range(100):
        found.add("body", f"$.m{i}", "value", i, i + 1)
    assert [difference.key.path for difference in found.all()] == ["$.m0", "$.m1", "$.m2", MORE]
    assert found.all()[-1].times == 97


def test_a_key_that_is_known_counts_beyond_the_limit():
    found = Found(1)
    for path in ("a", "b", "a"):
        found.add("header", path, "missing", "x", None)
    assert [(difference.key.path, difference.times) for difference in found.all()] == [("a", 2), (MORE, 1)]


def test_a_known_key_can_be_counted_without_its_values():
    found = Found()
    assert not found.again("body", "$", "value")
    found.add("body", "$", "value", 1, 2)
    assert found.again("body", "$", "value")
    assert [difference.times for difference in found.all()] == [2]


@pytest.mark.parametrize("value", [None, True, 0, -7, 1.5, "text", "ä", b"\x00\xff", ""])
def test_short_values_are_kept_as_they_are(value):
    assert shown(value) == value
    assert type(shown(value)) is type(value)


@pytest.mark.parametrize("value", [[1, "a"], {"a": [1]}, []])
def test_an_object_or_a_list_is_not_taken_for_a_string(value):
    assert isinstance(shown(value), Outline)
    assert not isinstance(shown(str(value)), Outline)


def test_long_texts_are_cut_and_stay_different():
    a, b = shown("x" * 100_000 + "a"), shown("x" * 100_000 + "b")
    assert a != b
    assert len(a) < 200
    assert "100001 characters" in a


def test_long_bytes_become_their_length_and_a_digest():
    a, b = shown(bytes(10_000)), shown(bytes(9_999) + b"b")
    assert a != b
    assert a.startswith("10000 bytes, ")


def test_a_lone_surrogate_is_written_out():
    assert shown("a\ud800") == "a\\ud800"


def test_huge_integers_are_texts():
    assert shown(1 << 80) == str(1 << 80)
    assert len(shown(10**9000)) < 200


def test_a_decimal_that_a_float_holds_is_a_float():
    assert shown(Decimal("0.1")) == 0.1
    assert shown(Decimal("0.10000000000000000001")) == "0.10000000000000000001"
    assert shown(Decimal("1e999")) == "1E+999"
    assert not isinstance(shown(Decimal("-1e999")), float) or math.isfinite(shown(Decimal("-1e999")))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{}"),
        ([], "[]"),
        ({"a": 1, "b": None}, '{"a": 1, "b": null}'),
        ([1, "x", True, {}, [], 2], '[1, "x", true, {}, … 2 more]'),
        ([{"id": 7, "n": 1}, {"id": 8}], '[{"id": 7, …}, {"id": 8}]'),
        ({"list": [1], "object": {"a": {"b": 1}}}, '{"list": […], "object": {"a": {…}}}'),
    ],
)
def test_objects_and_lists_are_short_texts(value, text):
    assert shown(value) == text


def test_the_text_of_a_huge_object_is_short():
    assert len(shown({"k" * 1000 + str(i): "v" * 1000 for i in range(1000)})) < 2000
