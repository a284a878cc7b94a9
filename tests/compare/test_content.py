import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare import media
from httptee.compare.content import compare_bytes, read
from httptee.compare.difference import Found
from tests.compare.answers import answer, at_leisure, found

TYPES = [
    "",
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "text/html",
    "text/xml",
    "text/plain",
    "text/css; charset=utf-16",
    "image/png",
]


def compared(a, b, content_type, other_type=None):
    return found(answer(a, content_type), answer(b, content_type if other_type is None else other_type))


@at_leisure
@given(st.binary(max_size=60), st.binary(max_size=60), st.sampled_from(TYPES), st.sampled_from(TYPES))
def test_any_bytes_are_compared(a, b, content_type, other_type):
    for body in (a, b, b"{" + a, b"[" + b, b"<?xml" + a, b"<html" + b):
        compared(a, body, content_type, other_type)
        compared(body, b, content_type, other_type)


@at_leisure
@given(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=60))
def test_bytes_that_are_nothing_else_differ_if_they_are_not_equal(a, b):
    assert bool(compared(a, b, "image/png")) == (a != b)


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/html", "application/octet-stream"])
def test_json_is_compared_as_json_whatever_it_is_called(content_type):
    assert compared(b'{"a":1, "b":2}', b'{"b":2,"a":3}', content_type) == [("body", "$.a", "value")]


def test_json_under_two_names_is_compared():
    assert compared(b'{"a":1}', b'{"a":2}', "application/json", "") == [
        ("body", "$.a", "value"),
        ("header", "content-type", "missing"),
    ]


def test_white_space_and_the_order_of_members_are_no_difference():
    assert compared(b'{"a":1,"b":[1,2]}', b'{ "b" : [1, 2],\n"a": 1 }', "application/json") == []


def test_escapes_are_no_difference():
    assert compared('{"a":"ä/"}'.encode(), rb'{"a":"\u00e4\/"}', "application/json") == []


def test_a_member_that_occurs_twice_is_undecodable():
    assert compared(b'{"a":1}', b'{"a":1,"a":1}', "application/json") == [("body", "", "undecodable")]


@pytest.mark.parametrize(
    ("a", "b", "path"),
    [
        (b'{"n":12345678901234567890123}', b'{"n":12345678901234567890124}', "$.n"),
        (b'{"n":0.10000000000000000001}', b'{"n":0.1}', "$.n"),
        (b"[NaN]", b"[Infinity]", "$[]"),
    ],
)
def test_numbers_are_not_rounded(a, b, path):
    assert compared(a, b, "application/json") == [("body", path, "value")]
    assert compared(a, a + b" ", "application/json") == []


def test_a_body_read_exactly_equals_one_that_was_not():
    assert compared(b'{"a":1.50, "b":NaN}', b'{"a":1.5, "b":1}', "application/json") == [("body", "$.b", "type")]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson", "text/xml"])
def test_undecodable_on_one_side_is_one_difference(content_type):
    good, bad = (b"<a/>", b"<a>") if content_type == "text/xml" else (b"{}", b"{")
    assert compared(good, bad, content_type) == [("body", "", "undecodable")]
    assert compared(bad, good, content_type) == [("body", "", "undecodable")]


def test_undecodable_on_both_sides_is_compared_as_text():
    assert compared(b"{1\n2\n3", b"{1\n2\n4", "application/json") == [("body", "lines[]", "value")]


def test_undecodable_and_not_text_is_compared_as_bytes():
    assert compared(b"{\xff", b"{\xfe", "application/json") == [("body", "", "value")]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (b'{"a":1}\n{"a":2}\n', b'{"a":1}\r\n{"a":2}', []),
        (b'{"a":1}\n{"a":2}\n', b'{"a":1}\n{"a":3}\n', [("body", "$[].a", "value")]),
        (b'{"a":1}\n{"a":2}\n', b'{"a":1}\n', [("body", "$", "length")]),
    ],
)
def test_json_lines(a, b, expected):
    assert compared(a, b, "application/x-ndjson") == expected
    assert read(a, "").kind == media.LINES


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (b"a=1&b=2", b"b=2&a=1", []),
        (b"a=%31", b"a=1", []),
        (b"a=1&b=2", b"a=1&b=3", [("body", "$.b", "value")]),
        (b"a=1", b"a=1&b=", [("body", "$.b", "extra")]),
        (b"a=1&a=2", b"a=2&a=1", [("body", "$.a", "order")]),
        (b"a=1&a=2", b"a=1", [("body", "$.a", "type")]),
        (b"a=%ff", b"a=%fe", [("body", "$.a", "value")]),
    ],
)
def test_forms(a, b, expected):
    assert compared(a, b, "application/x-www-form-urlencoded") == expected


def test_a_form_with_too_many_fields_is_undecodable():
    assert compared(b"a=1", b"a=1&" * 20_000, "application/x-www-form-urlencoded") == [("body", "", "undecodable")]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (b"a\nb\nc", b"a\nx\nc", [("body", "lines[]", "value")]),
        (b"a\nb\nc", b"a\nb", [("body", "lines", "length")]),
        (b"a\nb\nc", b"c\nb\na", [("body", "lines", "order")]),
        (b"a\nb", b"a\r\nb", [("body", "lines[]", "value")]),
        (b"a\n", b"a", [("body", "lines", "length")]),
    ],
)
def test_text_is_compared_by_lines(a, b, expected):
    assert compared(a, b, "text/plain") == expected


def test_one_text_in_two_charsets():
    assert compared("ä".encode(), b"\xe4", "text/css; charset=utf-8", "text/css; charset=iso-8859-1") == [
        ("header", "content-type", "value")
    ]


def test_text_with_too_many_lines_is_compared_as_bytes():
    assert compared(b"a\n" * 200_000, b"a\n" * 199_999 + b"b\n", "text/plain") == [("body", "", "value")]


def test_two_kinds_of_content_are_one_difference():
    assert compared(b"{}", b"<html>", "application/json", "text/html") == [
        ("body", "", "type"),
        ("header", "content-type", "value"),
    ]


@pytest.mark.parametrize("at", [0, 1, 50, 98, 99])
def test_bytes_tell_the_place_of_the_first_difference(at):
    body = bytearray(100)
    body[at] = 1
    found = Found()
    compare_bytes(bytes(100), bytes(body), found)
    assert [difference.place for difference in found.all()] == [f"byte {at}"]


def test_bytes_of_another_length():
    assert compared(b"\0ab", b"\0abc", "image/png") == [("body", "", "length")]
