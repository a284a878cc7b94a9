import gzip
import json

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare import Outcome, differences, equal
from tests.compare.answers import DATE, answer, at_leisure, found

GZIP, BR = ("Content-Encoding", "gzip"), ("Content-Encoding", "br")
FAILED = Outcome(0, [], b"", failure="timeout")

NAMES = st.sampled_from(
    ["Date", "Server", "X-Request-Id", "Set-Cookie", "Content-Type", "Content-Encoding", "Via", "Content-Length"]
)
TEXTS = st.sampled_from(["", "1", "a", DATE, "sid=1; Path=/", "gzip", "application/json", "0a1b2c3d4e5f60718"])
HEADERS = st.lists(st.tuples(NAMES, TEXTS), max_size=5)
BODIES = st.none() | st.sampled_from([b"", b"{}", b'{"a":1}', b"x", gzip.compress(b"{}")])
OUTCOMES = st.builds(
    Outcome,
    st.sampled_from([200, 201, 500]),
    HEADERS,
    BODIES,
    st.integers(0, 2),
    st.sampled_from([b"", b"d"]),
    st.sampled_from(["", "", "timeout"]),
)


@at_leisure
@given(OUTCOMES)
def test_an_outcome_equals_itself(outcome):
    assert equal(outcome, outcome)
    assert differences(outcome, outcome) == []


@at_leisure
@given(OUTCOMES, OUTCOMES)
def test_equal_outcomes_have_no_differences(a, b):
    if equal(a, b):
        assert differences(a, b) == []


@at_leisure
@given(OUTCOMES, HEADERS)
def test_equal_fields_in_any_order_have_no_differences(a, headers):
    b = Outcome(a.status, headers, a.body, a.length, a.digest, a.failure)
    assert equal(a, b) <= (differences(a, b) == [])
    assert equal(a, b) == equal(b, a)


@at_leisure
@given(OUTCOMES, OUTCOMES)
def test_both_directions_find_the_same_places(a, b):
    assert {key.path for key in keys(a, b)} == {key.path for key in keys(b, a)}


def keys(a, b):
    return [difference.key for difference in differences(a, b)]


def test_volatile_fields_do_not_make_outcomes_unequal():
    a = answer({}, "", ("Date", DATE), ("X-Request-Id", "9f86d081884c7d65"), ("Transfer-Encoding", "chunked"))
    b = answer(
        {}, "", ("Content-Length", "2"), ("date", DATE.replace("47", "48")), ("X-Request-Id", "0f86d081884c7d65")
    )
    assert equal(a, b)
    assert differences(a, b) == []


@pytest.mark.parametrize(
    "b",
    [
        answer({"a": 2}),
        answer({"a": 1}, status=201),
        answer({"a": 1}, "application/json", ("Server", "x")),
        answer({"a": 1}, "text/plain"),
        FAILED,
    ],
)
def test_unequal_outcomes_are_unequal(b):
    assert not equal(answer({"a": 1}), b)
    assert not equal(b, answer({"a": 1}))
    assert found(answer({"a": 1}), b)


@pytest.mark.parametrize(
    ("a", "b", "values"),
    [
        (answer({}), FAILED, ("200", "timeout")),
        (FAILED, answer({}, status=500), ("timeout", "500")),
        (FAILED, Outcome(0, [], b"", failure="reset"), ("timeout", "reset")),
    ],
)
def test_a_failure_is_a_difference_of_the_outcome(a, b, values):
    [difference] = differences(a, b)
    assert difference.key == ("outcome", "", "value")
    assert (difference.a, difference.b) == values


def test_two_failures_of_one_kind_are_equal():
    other = Outcome(0, [("X", "y")], b"z", failure="timeout")
    assert equal(FAILED, Outcome(0, [("X", "y")], b"", failure="timeout"))
    assert differences(FAILED, other) == []


def test_a_status_of_another_class_is_the_only_difference():
    [difference] = differences(answer({"a": 1}), answer(b"<h1>Oops", "text/html", ("X", "y"), status=500))
    assert (difference.key, difference.a, difference.b) == (("status", "", "value"), 200, 500)


def test_below_a_status_of_the_same_class_everything_is_compared():
    assert found(answer({"a": 1}), answer({"a": 2}, status=201)) == [("body", "$.a", "value"), ("status", "", "value")]


def test_one_content_in_two_codings_is_no_difference():
    data = json.dumps({"a": [1, 2, 3]}).encode()
    a, b = answer(gzip.compress(data), "application/json", GZIP), answer(brotli.compress(data), "application/json", BR)
    assert not equal(a, b)
    assert differences(a, b) == []
    assert differences(a, answer(data)) == []


def test_below_two_codings_the_contents_are_compared():
    a, b = (answer(gzip.compress(json.dumps({"a": i}).encode()), "application/json", GZIP) for i in (1, 2))
    assert found(a, b) == [("body", "$.a", "value")]


def test_vary_is_compared_whatever_the_coding():
    a = answer(gzip.compress(b"{}"), "application/json", GZIP, ("Vary", "Accept-Encoding"))
    assert found(a, answer(b"{}")) == [("header", "vary", "missing")]


def test_a_bomb_is_a_difference():
    bomb = answer(gzip.compress(bytes(10 << 20)), "application/json", GZIP)
    body, coding = differences(answer({"a": 1}), bomb)[::-1]
    assert (body.key, body.a) == (("body", "", "undecodable"), "application/json")
    assert body.b == "more than 4194304 bytes when decoded"
    assert coding.key == ("header", "content-encoding", "extra")


def test_two_bombs_are_compared_as_bytes():
    a, b = (answer(gzip.compress(bytes(10 << 20) + end), "application/json", GZIP) for end in (b"", b"1"))
    assert differences(a, a) == []
    assert [(part, path) for part, path, _ in found(a, b)] == [("body", "")]


def test_the_bound_of_a_body_can_be_chosen():
    a, b = (
        answer(gzip.compress(json.dumps({"a": i, "b": "x" * 900}).encode()), "application/json", GZIP) for i in (1, 2)
    )
    assert [difference.key.path for difference in differences(a, b, max_decoded=1000)] == ["$.a"]
    assert [difference.key.path for difference in differences(a, b, max_decoded=100)] == [""]


def test_a_truncated_gzip_stream_is_a_difference():
    body = gzip.compress(json.dumps({"a": list(range(100))}).encode())
    a, b = answer(body, "application/json", GZIP), answer(body[:-20], "application/json", GZIP)
    assert found(a, b) == [("body", "", "undecodable")]
    assert differences(a, b)[0].b == "the gzip stream is cut off"


def test_a_body_that_is_missing_and_one_that_is_extra():
    a, b = answer({"a": 1}), answer(b"")
    assert found(a, b) == [("body", "", "missing")]
    assert found(b, a) == [("body", "", "extra")]


def test_without_bodies_content_length_counts():
    a, b = (answer(b"", "text/html", ("Content-Length", length)) for length in ("5", "6"))
    assert not equal(a, b)
    assert found(a, b) == [("header", "content-length", "value")]
    assert equal(a, answer(b"", "text/html"))


def long(length, digest, *fields):
    return Outcome(200, list(fields), None, length, digest)


def test_long_bodies_are_compared_by_length_and_digest():
    assert equal(long(9, b"d"), long(9, b"d"))
    assert differences(long(9, b"d"), long(9, b"d")) == []
    assert not equal(long(9, b"d"), long(9, b"e"))
    assert found(long(9, b"d"), long(9, b"e")) == [("body", "", "value")]
    assert found(long(9, b"d"), long(8, b"d")) == [("body", "", "length")]
    [difference] = differences(long(900, b"d"), answer(b"x", ""))
    assert (difference.key.kind, difference.a, difference.b) == ("length", 900, 1)


def test_of_long_bodies_in_two_codings_only_the_coding_is_known():
    assert found(long(9, b"d", GZIP), long(8, b"e", BR)) == [("header", "content-encoding", "value")]


def test_the_number_of_differences_is_bounded():
    a = [{f"m{i}": {f"n{j}": 0 for j in range(20)}} for i in range(50)]
    b = [{f"m{i}": {f"n{j}": 1 for j in range(20)}} for i in range(50)]
    assert len(differences(answer(a), answer(b))) == 201
    assert len(differences(answer(a), answer(b), limit=10)) == 11


def test_a_hundred_thousand_members_are_few_differences():
    a, b = ({f"k{i}": i + change for i in range(100_000)} for change in (0, 1))
    [difference] = differences(answer(a), answer(b))
    assert (difference.key.path, difference.times) == ("$.{key}", 100_000)


def test_nesting_of_ten_thousand_is_compared():
    a, b = (answer(b'{"a":' * 10_000 + end + b"}" * 10_000) for end in (b"1", b"2"))
    assert [(part, kind) for part, _, kind in found(a, b)] == [("body", "value")]
    assert found(a, answer({"a": 1})) == [("body", "", "undecodable")]
