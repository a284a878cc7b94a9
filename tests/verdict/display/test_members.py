import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.verdict.display.members import in_order_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def shuffled(value, chance):
    if isinstance(value, list):
        return [shuffled(each, chance) for each in value]
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: shuffled(value[name], chance) for name in names}
    return value


@given(VALUES, st.integers())
def test_the_same_value_in_another_order_becomes_the_same_text(value, seed):
    text = json.dumps(value, separators=(",", ":"))
    other = json.dumps(shuffled(value, random.Random(seed)), separators=(",", ":"))
    assert json.loads(in_order_of(other, text)) == value
    assert in_order_of(other, text) == in_order_of(text, text)


def test_members_stand_in_the_other_order_at_every_depth():
    a = '{"id":1,"tags":["x"],"address":{"city":"C","zip":"Z"},"items":[{"n":1,"p":2},{"n":3,"p":4}]}'
    b = '{"items":[{"p":2,"n":1},{"p":5,"n":3}],"address":{"zip":"Z","city":"C"},"tags":["x"],"id":1}'
    assert in_order_of(b, a) == a.replace('"p":4', '"p":5')


def test_what_only_b_has_stays_in_its_place_unless_members_move():
    assert in_order_of('{"a":1,"new":2,"b":3}', '{"a":1,"b":3}') == '{"a":1,"new":2,"b":3}'
    assert in_order_of('{"new":2,"b":3,"a":1}', '{"a":1,"b":3}') == '{"a":1,"b":3,"new":2}'


def test_strings_and_numbers_stay_as_they_were_written():
    written = '"\\u00e9\\"\\/,{"'
    assert (
        in_order_of(f'{{"b":1.50,"a":{written},"a":1E400}}', '{"a":0,"b":0}') == f'{{"a":{written},"a":1E400,"b":1.50}}'
    )


def test_lines_of_json_stay_apart():
    assert in_order_of('{"b":1,"a":2}\n{"b":3,"a":4}\n', '{"a":0,"b":0}\n') == '{"a":2,"b":1}\n{"a":4,"b":3}'


@pytest.mark.parametrize(
    "text", ["", "{", "}", '{"a', "]]]]", "[" * 100_000, '{"b":1,"a"', '{"a" 1}', '"' * 9, "{b:1}"]
)
def test_a_broken_or_very_deep_text_stays_as_it_is(text):
    assert in_order_of(text, '{"a":1,"b":2}') == text
    assert in_order_of('{"b":1, "a":2}', text) in ('{"b":1, "a":2}', '{"b":1,"a":2}')
