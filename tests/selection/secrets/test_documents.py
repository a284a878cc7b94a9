import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.selection.secrets.documents import in_json, opens

NAMES = frozenset(("password", "token", "é"))
SCALARS = (
    st.text(max_size=8) | st.integers(0, 10**6) | st.booleans() | st.none() | st.sampled_from(['"]}', '{"a":', "\\"])
)
KEYS = st.text(max_size=6) | st.sampled_from(["password", "token", "é", "a", 'x":'])
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def hidden(text):
    """The text with each secret as many letters x, and each number of ones."""
    for start, end, number in reversed(list(in_json(text, NAMES.__contains__))):
        text = text[:start] + ("1" if number else "x") * (end - start) + text[end:]
    return text


def expected(document, secret=False):
    """The same of the document itself."""
    if isinstance(document, dict):
        return {name: expected(value, secret or name in NAMES) for name, value in document.items()}
    if isinstance(document, list):
        return [expected(value, secret) for value in document]
    if not secret or isinstance(document, bool) or document is None:
        return document
    if isinstance(document, str):
        return "x" * len(json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")[1:-1])
    return int("1" * len(str(document)))


@given(DOCUMENTS, st.sampled_from([None, 1]))
def test_all_strings_and_numbers_under_a_secret_name_are_found_and_nothing_else(document, indent):
    text = json.dumps(document, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass").decode("latin-1")
    assert json.loads(hidden(text).encode("latin-1").decode("utf-8", "surrogatepass")) == expected(document)


@given(DOCUMENTS, st.data())
def test_json_that_is_cut_loses_the_same_secrets(document, data):
    text = json.dumps({"password": document, "a": "b"})
    cut = data.draw(st.integers(0, len(text)))
    whole, part = hidden(text), hidden(text[:cut])
    assert len(part) == cut
    longest = text[:cut].rfind(" ") + 1  # the last token may be another one when it is cut
    assert part[:longest].replace("1", "x") == whole[:longest].replace("1", "x")


@pytest.mark.parametrize("cut", ['"ses', '["a", "ses', '{"b": {"c": "ses', '"ses\\', "ses"])
def test_a_secret_that_is_cut_is_one(cut):
    assert "ses" not in hidden('{"token": ' + cut)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "b"',
        '[info] a "password" is wrong',
        '{"password": ""}',
        '{"token": {"a": null, "b": true}, "c": 1}',
        '"token":',
        "",
    ],
)
def test_what_holds_no_secret_has_none(text):
    assert hidden(text) == text


def test_lines_of_json_and_an_escaped_name():
    assert hidden('{"token": "a"}\n{"a": 1}\n{"tok\\u0065n": 12}') == '{"token": "x"}\n{"a": 1}\n{"tok\\u0065n": 11}'


def test_a_document_of_a_megabyte_takes_no_longer_for_each_byte():
    deep, long = '{"token":' * 100_000, '{"token":"' + "\\" * 999_999
    for text in (deep, long, '"' * 1_000_000, "\\" * 1_000_000, '{"a' + '\\"' * 300_000):
        assert len(hidden(text)) == len(text)


def test_json_begins_with_a_bracket():
    assert all(map(opens, ("{", " \n[", "\xef\xbb\xbf{")))
    assert not any(map(opens, ("", "a{", '"')))
