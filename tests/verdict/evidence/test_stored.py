import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare import Difference, Key, Outline
from httptee.verdict.evidence.stored import StoredAnswer, StoredPair, StoredRequest, packed, unpacked

TEXT = st.text(st.characters(max_codepoint=255), max_size=20)
FIELDS = st.lists(st.tuples(TEXT, TEXT), max_size=3)
BODY = st.none() | st.binary(max_size=50)
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=9)
    | st.text(max_size=9).map(Outline)
    | st.binary(max_size=9)
)
ANSWER = st.none() | st.builds(StoredAnswer, st.integers(0, 999), FIELDS, BODY, st.integers(0), TEXT, TEXT)
DIFFERENCE = st.builds(Difference, st.builds(Key, TEXT, TEXT, TEXT), SCALAR, SCALAR, TEXT, st.integers(1))
PAIR = st.builds(
    StoredPair,
    number=st.integers(0, 1 << 62),
    backend=TEXT,
    chapter=st.integers(1, 9),
    route=TEXT,
    method=TEXT,
    at=st.floats(0, 1e10),
    b_at=st.floats(0, 1e10),
    a_seconds=st.floats(0, 10),
    b_seconds=st.floats(0, 10),
    keep=st.just("full"),
    found=st.lists(DIFFERENCE, max_size=3).map(tuple),
    request=st.none() | st.builds(StoredRequest, TEXT, TEXT, FIELDS, BODY, st.integers(0), TEXT, TEXT),
    a=ANSWER,
    b=ANSWER,
    again_a=ANSWER,
    again_b=ANSWER,
    again_at=st.floats(0, 1e10),
    delayed=st.booleans(),
    names=st.dictionaries(TEXT, TEXT, max_size=3),
)


@given(PAIR)
def test_a_pair_comes_back_as_it_went_in(pair):
    back = unpacked(*packed(pair))
    assert back == pair
    assert [type(one.a) for one in back.found] == [type(one.a) for one in pair.found]


@pytest.mark.parametrize("head", ["", "{", "[]", "{}", "null", '{"found": 3}', '{"request": 1, "a": 2}', "[" * 100_000])
def test_a_damaged_head_is_a_value_error(head):
    with pytest.raises(ValueError):
        unpacked(head, b"")


def test_damaged_bodies_are_a_value_error():
    answer = StoredAnswer(200, [], b"abc", 3)
    head, bodies = packed(StoredPair(1, "b", 1, "GET /", "GET", 0.0, 0.0, 0.0, 0.0, "full", a=answer))
    assert bodies
    with pytest.raises(ValueError):
        unpacked(head, b"garbage")


def test_the_head_is_ascii_json():
    head, bodies = packed(StoredPair(1, "bé", 1, "GET /", "GET", 0.0, 0.0, 0.0, 0.0, "paths"))
    assert json.loads(head)["backend"] == "bé"
    assert head.isascii()
    assert bodies == b""
