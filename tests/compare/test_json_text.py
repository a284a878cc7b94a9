import json
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare.coding import Undecodable
from httptee.compare.json_text import Number, dumps, exact_dumps, is_inexact, parse, parse_lines, repeated_member
from tests.compare.answers import at_leisure


def test_usual_json_is_read_quickly():
    assert parse(b'{"a": [1, 2.5, null]}') == ({"a": [1, 2.5, None]}, False)


@pytest.mark.parametrize(
    "number",
    [1 << 64, (1 << 64) + 1, -(1 << 63) - 1, -(10**18) * 99, 10**19 + 1, 10**100 + 1],
)
@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
def test_integers_that_orjson_would_round_are_noticed(number, before, after):
    body = b'{"a":' + b" " * before + str(number).encode() + b" " * after + b"}"
    assert is_inexact(body)
    assert parse(body, is_inexact(body))[0] == {"a": number}


@at_leisure
@given(st.integers())
def test_every_integer_survives(number):
    body = str(number).encode()
    assert parse(body, is_inexact(body))[0] == number


@at_leisure
@given(st.integers(min_value=-(1 << 90), max_value=1 << 90), st.text(alphabet=' ab"1', max_size=30))
def test_orjson_is_only_trusted_where_it_is_exact(number, before):
    body = json.dumps({before: number}).encode()
    assert is_inexact(body) or orjson.loads(body) == {before: number}


@pytest.mark.parametrize("body", [b"1234567890.12345678901", b'{"a":0.30000000000000000001}'])
def test_fractions_beyond_a_double_are_noticed(body):
    assert is_inexact(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id": "123e4567-e89b-12d3-a456-426614174000"}',
        b'{"t": 1700000000000, "x": 0.1234567890123}',
        b"[1,2,3,4,5,6,7,8]" * 9,
    ],
)
def test_usual_bodies_are_exact_enough(body):
    assert not is_inexact(body)


def test_numbers_that_are_not_finite_equal_themselves_only():
    value, exact = parse(b"[NaN, Infinity, 1.5]")
    assert exact
    assert value == [Number("NaN"), Number("Infinity"), Decimal("1.5")]
    assert type(value[0]) is Number


def test_numbers_without_bounds_are_kept_as_written():
    digits = "9" * 5000
    assert parse(digits.encode(), True)[0] == Number(digits)
    assert parse(b"1e99999999999999999999999", True)[0] == Number("1e99999999999999999999999")


def test_a_byte_order_mark_is_left_out():
    assert parse(b"\xef\xbb\xbf[1]")[0] == [1]


def test_a_lone_surrogate_is_read():
    assert parse(rb'"\ud800"')[0] == "\ud800"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON at character 1"),
        (b"[1,]", "not JSON"),
        (b"", "not JSON"),
        (b"\xff", "not UTF-8 at byte 0"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b"[" + b"0," * 600_000 + b"0]", "over 500000 values"),
    ],
)
def test_what_is_undecodable_has_a_reason(body, reason):
    with pytest.raises(Undecodable, match=reason):
        parse(body)


def test_lines():
    assert parse_lines(b'{"a":1}\n\n[2]\r\n\x1e3') == ([{"a": 1}, [2], 3], False)


def test_a_line_that_needs_exact_numbers_makes_all_lines_exact():
    assert parse_lines(b"1.5\nNaN") == ([Decimal("1.5"), Number("NaN")], True)


def test_the_line_that_is_undecodable_is_named():
    with pytest.raises(Undecodable, match="line 2: not JSON"):
        parse_lines(b"1\n{\n3")


def test_too_many_lines_are_given_up():
    with pytest.raises(Undecodable, match="over 500000 lines"):
        parse_lines(b"1\n" * 500_001)


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"a":1,"a":1}', "a"),
        (b'{"x":[{"b" :1,"b":2}]}', "b"),
        (b'{"a":1,"b":1}', ""),
        (b'{"a" :1}', ""),
        (rb'{"a\":":1}', ""),
        (rb'{"a":"\u003a","a":1,"b":"\u003A"}', "a"),
    ],
)
def test_a_name_that_occurs_twice_in_an_object_is_found(body, name):
    assert repeated_member(body, orjson.loads(body)) == name


def test_a_name_that_occurs_twice_among_many_is_found():
    body = b"{" + b"".join(b'"k%d":1,' % i for i in range(50_000)) + b'"k49999":1}'
    assert repeated_member(body, orjson.loads(body)) == "k49999"


def test_a_body_too_deep_to_be_written_has_no_repeated_members():
    body = b'{"a":' * 900 + b"1" + b"}" * 900
    assert repeated_member(body, orjson.loads(body)) == ""


def test_members_are_written_in_one_order():
    assert dumps({"b": 1, "a": [True, 1, 1.0]}) == b'{"a":[true,1,1.0],"b":1}'
    assert exact_dumps({"b": 1, "a": Decimal("0.1")}) == exact_dumps({"a": Decimal("0.1"), "b": 1})
