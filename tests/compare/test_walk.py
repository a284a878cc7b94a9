import json
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare.difference import Found
from httptee.compare.json_text import dumps
from httptee.compare.paths import JSON
from httptee.compare.walk import Walk
from tests.compare.answers import at_leisure, in_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(-2, 2).map(lambda x: round(x, 1) + 0.0)
    | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=10,
)


def walked(a, b):
    found = Found()
    Walk(found, JSON, dumps).compare(a, b, "$")
    return found.all()


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("$.a", "value")]),
        ({"a": 1}, {"a": True}, [("$.a", "type")]),
        ({"a": 1}, {"a": 1.0}, [("$.a", "type")]),
        ({"a": 1}, {"a": "1"}, [("$.a", "type")]),
        ({"a": 1}, {"a": None}, [("$.a", "type")]),
        ({"a": {}}, {"a": []}, [("$.a", "type")]),
        ({"a": 10.5}, {"a": 10}, [("$.a", "value")]),
        ({"a": None}, {}, [("$.a", "missing")]),
        ({}, {"a": {"b": 1}}, [("$.a", "extra")]),
        ({"a": {"b": [1, {"c": 1}]}}, {"a": {"b": [1, {"c": 2}]}}, [("$.a.b[].c", "value")]),
        ([1, 2, 3], [3, 2, 1], [("$", "order")]),
        ([1, 2, 3], [1, 2], [("$", "length")]),
        ([1, 2, 3], [2, 3], [("$", "length")]),
        ([1, 2], [1, 9, 3], [("$", "length"), ("$[]", "value")]),
        ([1, True], [1, 1.0], [("$[]", "type")]),
        ([[1, 2], [3, 4]], [[1, 2], [3, 5]], [("$[][]", "value")]),
        ([], {}, [("$", "type")]),
        (1, 2, [("$", "value")]),
        ("a", "b", [("$", "value")]),
        ([{"a": 1}], [], [("$", "length")]),
        ([{"a": 1, "b": 2}], [{"b": 2, "a": 1}], []),
        ([{"a": 1, "b": 2}, 5], [{"b": 2, "a": 1}, 5], []),
    ],
)
def test_what_is_found(a, b, expected):
    assert in_json(a, b) == expected


def test_a_difference_has_both_values_and_its_place():
    a = {"items": [{"id": 1, "price": 10.0}, {"id": 2, "price": 20.0}]}
    b = {"items": [{"id": 1, "price": 10.0}, {"id": 2, "price": 20.01}]}
    [difference] = walked(a, b)
    assert (difference.a, difference.b, difference.place) == (20.0, 20.01, "$.items[1].price")


def test_lists_that_are_reversed_and_changed():
    a = [{"id": i, "v": i} for i in range(5)]
    b = [{"id": i, "v": i + (i == 2)} for i in reversed(range(5))]
    assert in_json(a, b) == [("$", "order"), ("$[].v", "value")]


def test_the_last_item_dropped_is_one_difference():
    a = {"items": [{"id": i, "v": i} for i in range(5)]}
    assert in_json(a, {"items": a["items"][:-1]}) == [("$.items", "length")]


def test_the_same_key_is_counted():
    [difference] = walked([{"v": i} for i in range(100)], [{"v": i + 1000} for i in range(100)])
    assert difference.times == 100


def test_members_that_are_data_make_one_key():
    a, b = {f"user{i}": {"n": i} for i in range(100)}, {f"user{i}": {"n": i + 1} for i in range(100)}
    assert in_json(a, b) == [("$.{key}.n", "value")]
    assert in_json(a, {}) == [("$.{key}", "missing")]
    assert in_json({"prices": {"1001": 5}}, {"prices": {"1001": 6}}) == [("$.prices.{key}", "value")]


def test_the_number_of_keys_is_bounded():
    a, b = ([[{f"m{i}": i + change}] for i in range(3000)] for change in (0, 1))
    assert len(walked(a, b)) <= 201


@at_leisure
@given(VALUES)
def test_a_value_has_no_differences_from_itself(value):
    assert walked(value, json.loads(json.dumps(value))) == []


@at_leisure
@given(VALUES, VALUES)
def test_differences_are_found_exactly_where_there_are_any(a, b):
    assert bool(walked(a, b)) == (json.dumps(a, sort_keys=True) != json.dumps(b, sort_keys=True))


@at_leisure
@given(VALUES, VALUES)
def test_both_directions_agree(a, b):
    turned = {"missing": "extra", "extra": "missing"}
    forth = {(key.path, key.kind) for difference in walked(a, b) for key in [difference.key]}
    back = {(key.path, turned.get(key.kind, key.kind)) for difference in walked(b, a) for key in [difference.key]}
    assert forth == back


@at_leisure
@given(st.lists(VALUES, max_size=8), st.randoms())
def test_a_permuted_list_has_another_order_only(values, chance):
    permuted = list(values)
    chance.shuffle(permuted)
    same = json.dumps(values, sort_keys=True) == json.dumps(permuted, sort_keys=True)
    assert [tuple(difference.key) for difference in walked(values, permuted)] == (
        [] if same else [("body", "$", "order")]
    )


def test_deep_nesting_does_not_recurse():
    a, b = 1, 2
    for _ in range(20_000):
        a, b = {"a": [a, 0]}, {"a": [b, 0]}
    [difference] = walked(a, b)
    assert (difference.a, difference.b) == (1, 2)
    assert len(difference.key.path) < 500
    while isinstance(a, dict):  # the interpreter frees deep values by recursion
        a, b = a.pop("a").pop(0), b.pop("a").pop(0)


def test_many_nested_lists_cost_no_more_than_the_budget(monkeypatch):
    written = []

    def counted(value):
        written.append(value)
        return dumps(value)

    monkeypatch.setattr("httptee.compare.walk._BUDGET", 100_000)
    a, b = list(range(1000)), list(range(1, 1001))
    for i in range(200):
        a, b = [a, i], [b, i]
    found = Found()
    Walk(found, JSON, counted).compare(a, b, "$")
    assert [difference.key.kind for difference in found.all()]
    assert len(written) < 100


def test_order_is_seen_among_equal_elements():
    chance = random.Random(1)
    values = [{"x": chance.randrange(3)} for _ in range(50)]
    turned = values[::-1]
    assert in_json(values, turned) == [("$", "order")]


def test_the_elements_of_a_long_list_are_held_in_few_bytes():
    values = [{"v": i} for i in range(4000)]
    turned = values[::-1]
    tracemalloc.start()
    try:
        assert in_json(values, turned) == [("$", "order")]
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
