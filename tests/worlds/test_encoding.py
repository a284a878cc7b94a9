"""Drafts as bytes."""

import gzip
import json
from random import Random

import brotli

from httptee.compare import Outcome
from httptee.http import Request
from tests.worlds.encoding import encoded, http_date, with_body
from tests.worlds.service import Draft, Moment

LONG = {"b": [{"x": number, "y": "text"} for number in range(60)], "a": 1.0}


def moment(accepts="gzip, br"):
    request = Request("GET", "/", [("Accept-Encoding", accepts)], b"", "127.0.0.1", "http")
    return Moment("b", 1000.9, request, [], Random(1), {}, lambda name, make: make(Random(1)), lambda: 1)


def fields(outcome):
    return dict(outcome.headers)


def test_an_answer_has_a_date_a_type_and_a_length():
    outcome = encoded(Draft(200, {"a": 1}), moment(), False)
    assert outcome.body == b'{"a":1}'
    assert fields(outcome) == {
        "Date": http_date(1000),
        "Content-Type": "application/json",
        "Vary": "Accept-Encoding",
        "Content-Length": "7",
    }


def test_the_other_encoding_has_the_same_meaning():
    plain, other = (encoded(Draft(200, LONG), moment(), each) for each in (False, True))
    assert fields(plain)["Content-Encoding"] == "gzip"
    assert fields(other)["Content-Encoding"] == "br"
    assert "Content-Length" not in fields(other)
    one, two = gzip.decompress(plain.body), brotli.decompress(other.body)
    assert one != two
    assert json.loads(one) == json.loads(two)
    assert list(json.loads(two)) == ["a", "b"]


def test_what_the_client_does_not_accept_is_not_sent():
    assert "Content-Encoding" not in fields(encoded(Draft(200, LONG), moment(""), True))


def test_lines_are_one_value_each():
    outcome = encoded(Draft(200, [{"a": 1, "b": 2}, {"a": 3}], "lines"), moment(), True)
    assert outcome.body == b'{"b":2,"a":1}\n{"a":3}\n'


def test_a_form_is_escaped():
    assert encoded(Draft(200, {"a": "x & y"}, "form"), moment(), False).body == b"a=x+%26+y"


def test_another_body_has_its_own_length():
    outcome = with_body(Outcome(200, [("Content-Length", "5")], b"hello", 5), b"hi")
    assert outcome == Outcome(200, [("Content-Length", "2")], b"hi", 2)
