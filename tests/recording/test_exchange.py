from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.recording.exchange import Exchange, Kept, MalformedExchange, decode, encode

texts = st.text(st.characters(max_codepoint=255), max_size=30)
fields = st.lists(st.tuples(texts, texts), max_size=5).map(tuple)
bodies = st.binary(max_size=200).map(Kept.of) | st.builds(
    Kept, st.just(b""), st.integers(1, 2**40), st.binary(min_size=32, max_size=32)
)
numbers = st.integers(-1, 2**62)
exchanges = st.builds(
    Exchange, st.integers(0, 2**63), numbers, texts, numbers, numbers, numbers, texts, texts, fields, bodies,
    st.integers(0, 999), texts, fields, bodies, texts, texts,
)  # fmt: skip

PLAIN = Exchange(
    7, 1, "192.0.2.1", 1_700_000_000_000_000_000, 900, 1000, "POST", "/a%2Fb?\xff",
    (("Host", "a"), ("host", "b"), ("X", "\xe9")), Kept.of(b"\x00\xff"), 200, "Fine",
    (("Set-Cookie", "a"), ("Set-Cookie", "b")), Kept.of(b"hello"),
)  # fmt: skip


@given(exchanges)
def test_an_exchange_is_the_same_once_encoded_and_decoded(exchange):
    assert decode(encode(exchange)) == exchange


def test_fields_keep_case_order_duplicates_and_bytes():
    assert decode(encode(PLAIN)).headers == (("Host", "a"), ("host", "b"), ("X", "\xe9"))


@given(st.binary(max_size=300))
def test_bytes_that_are_no_exchange_are_refused_as_such(data):
    with pytest.raises(MalformedExchange):
        decode(data)


@given(st.integers(0, len(encode(PLAIN)) - 1))
def test_a_part_of_an_exchange_is_refused(size):
    with pytest.raises(MalformedExchange):
        decode(encode(PLAIN)[:size])


def test_a_body_over_the_limit_is_kept_by_length_and_digest():
    kept = Kept.of(b"x" * 11, 10)
    assert (kept.data, kept.length, len(kept.digest), kept.whole) == (b"", 11, 32, False)
    assert decode(encode(replace(PLAIN, body=kept))).body == kept


def test_a_body_within_the_limit_is_kept_whole():
    assert Kept.of(b"x" * 10, 10) == Kept(b"x" * 10, 10, b"")
