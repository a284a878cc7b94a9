import struct
from contextlib import suppress
from dataclasses import replace
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare import Outcome
from httptee.http import FileBody, Request
from httptee.verdict.court import Pair
from httptee.verdict.fleet.packing import MalformedPair, packed, packed_key, unpacked
from httptee.verdict.fleet.parting import key_of
from tests.verdict.judge.samples import outcome, pair

latin = st.text(st.characters(max_codepoint=255))
headers = st.lists(st.tuples(latin, latin), max_size=3)
bodies = st.binary(max_size=50)
outcomes = st.builds(
    Outcome, st.integers(0, 999), headers, st.none() | bodies, st.integers(0, 2**40), bodies, st.text()
)
times = st.floats(0, 1e10)
pairs = st.builds(
    Pair,
    st.just(7),
    st.text(max_size=5),
    latin,
    st.builds(Request, latin, latin, headers, bodies, latin, latin),
    outcomes,
    outcomes,
    *[times] * 4,
    st.booleans(),
)


@given(pairs)
def test_a_pair_comes_back_as_it_was(one):
    assert unpacked(packed(one), 7) == one


def test_of_a_long_request_only_the_length_is_sent():
    for body in (FileBody(BytesIO(b"x" * 9), 9), b"x" * 2_000_000):
        one = pair()
        one = replace(one, request=Request("POST", "/", [], body, "", "http"))
        data = packed(one)
        assert len(data) < 1000
        assert len(unpacked(data).request.body) == len(body)
        assert not isinstance(unpacked(data).request.body, bytes)


def test_the_key_of_the_route_is_read_without_the_rest():
    assert packed_key(packed(pair())) == key_of("GET /users/{int}")
    assert packed_key(b"") == 0


@pytest.mark.parametrize("place", range(0, 400, 7))
def test_damaged_bytes_are_no_pair_or_another_one_and_never_an_error_of_another_kind(place):
    data = bytearray(packed(pair(outcome(b"x" * 20))))
    data[place % len(data)] ^= 0xFF
    with suppress(MalformedPair):
        unpacked(bytes(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        b"\x00" * 21,
        packed(pair())[:-1],
        packed(pair()) + b"x",
        struct.pack("<BIIIII", 1, 0, 2, 0, 0, 0) + b"[]",
    ],
)
def test_what_is_no_pair_is_refused(data):
    with pytest.raises(MalformedPair):
        unpacked(data)
