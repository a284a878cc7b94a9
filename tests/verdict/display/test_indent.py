import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.verdict.display.indent import indented

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_the_value_stays_the_same(value):
    assert json.loads(indented(json.dumps(value))) == value


@given(VALUES.filter(lambda value: isinstance(value, (dict, list))))
def test_it_looks_as_json_usually_does(value):
    text = json.dumps(value, separators=(",", ":"))
    assert indented(text) == json.dumps(value, indent=2)


def test_numbers_strings_and_keys_stay_as_they_were_written():
    assert indented('{"a":1.50,"a":1E400,"b":"\\u00e9"}') == '{\n  "a": 1.50,\n  "a": 1E400,\n  "b": "\\u00e9"\n}'


def test_lines_of_json_stay_apart():
    assert indented('{"a":1}\n{"a":2}\n') == '{\n  "a": 1\n}\n{\n  "a": 2\n}'


@pytest.mark.parametrize("text", ["", "{", "}", '{"a', "]]]]", "[" * 100_000, '{"a":[1,2', "\\", '"' * 9])
def test_a_broken_text_is_taken(text):
    assert indented(text).count("[") == text.count("[")
