import struct

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import UpstreamReset
from httptee.http import Request, Response, tee_answer
from httptee.recording.exchange import MalformedExchange, decode, divided, flat, parts, put_together, record_of
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.secrets import Secrets

VIA = ("Via", "1.1 httptee (abcd)")
TEXTS = st.text(st.characters(max_codepoint=255), max_size=20) | st.text(st.sampled_from('[]",\\'), max_size=8)
HOSTILE = st.sampled_from(["]],[[", "]],", "]],[],", '"]],[[', '"]],', "]]", "a"])
HOSTILE_FIELDS = st.lists(st.tuples(HOSTILE, HOSTILE), max_size=2)
FIELDS = st.lists(st.tuples(TEXTS, TEXTS), max_size=4)


def made(fields, answered, asked=b"asked", body=b"answer", target="/x", via=VIA):
    request = Request("POST", target, fields, asked, "192.0.2.1", "http")
    return flat(request, Response(201, "Fine", answered, body), (3, 4), 1000, 50, 1 << 40, via)


def test_an_exchange_is_recorded_as_it_was():
    data = record_of(*made([("Host", "a"), VIA], [("X", "y")]))
    found = decode(data)
    assert (found.connection, found.place, found.client, found.arrived) == ((1 << 40) + 3, 4, "192.0.2.1", 1000)
    assert (found.first_byte, found.ended, found.error) == (50, 50, "")
    assert (found.method, found.target, found.headers, found.body.data) == ("POST", "/x", (("Host", "a"),), b"asked")
    assert (found.status, found.reason, found.answer_headers) == (201, "Fine", (("X", "y"),))
    assert (found.answer_body.data, found.answer_body.whole, found.origin) == (b"answer", True, "")


def test_where_a_gave_no_answer_nothing_of_the_tees_own_is_recorded():
    request = Request("GET", "/", [], b"", "a", "http")
    found = decode(record_of(*flat(request, tee_answer(UpstreamReset("x"), "primary_reset"), (1, 1), 1, 2, 0, VIA)))
    assert (found.status, found.reason, found.answer_headers, found.answer_body.length) == (0, "", (), 0)
    assert (found.error, found.first_byte, found.ended) == ("primary_reset", -1, -1)


@given(FIELDS, FIELDS, TEXTS, st.binary(max_size=20), st.binary(max_size=20))
@settings(max_examples=300, deadline=None)
def test_whatever_the_fields_are_they_are_divided_where_they_end(fields, answered, target, asked, body):
    text, *bodies = made(fields, answered, asked, body, target, ("", "no field has this value"))
    found = divided(text)
    assert found is None or (fields and answered)
    if found is not None:
        assert put_together(*found) == text
        assert [tuple(each) for each in orjson.loads(found[0])] == fields
        assert [tuple(each) for each in orjson.loads(found[1])] == answered
    read = decode(record_of(text, *bodies))
    assert (read.headers, read.answer_headers, read.target) == (tuple(fields), tuple(answered), target)
    assert (read.body.data, read.answer_body.data) == (asked, body)


@given(HOSTILE_FIELDS, HOSTILE_FIELDS, HOSTILE)
@settings(max_examples=500, deadline=None)
def test_no_value_leads_to_another_division(fields, answered, target):
    via = ("", "no field has this value")
    text, *bodies = made(fields, answered, target=target, via=via)
    found = divided(text)
    if found is not None:
        assert [tuple(each) for each in orjson.loads(found[0])] == fields
        assert [tuple(each) for each in orjson.loads(found[1])] == answered
    sieve = Sieve(RecordMaker(Secrets(b"k" * 32), 1000))
    read = decode(sieve.record(text, *bodies))
    assert (read.headers, read.answer_headers, read.target) == (tuple(fields), tuple(answered), target)


def test_common_fields_are_divided():
    fields, answered = [("Host", "a"), ("Accept", "*/*")], [("Server", "a")]
    head, answer, _ = divided(made(fields, answered)[0])
    assert ([*map(tuple, orjson.loads(head))], [*map(tuple, orjson.loads(answer))]) == (fields, answered)


@pytest.mark.parametrize("value", ['"]],[["', '"]],"', '\\"]],[["', "]]", '"'])
def test_a_value_that_looks_like_the_end_of_the_fields_is_none(value):
    fields, answered = [("A", value), ("B", value)], [("C", value), ("D", value)]
    text, *bodies = made(fields, answered)
    if found := divided(text):
        assert [*map(tuple, orjson.loads(found[0]))] == fields
    read = decode(Sieve(RecordMaker(None, 1000)).record(text, *bodies))
    assert (read.headers, read.answer_headers) == (tuple(fields), tuple(answered))


def test_a_record_of_another_length_is_none():
    data = record_of(*made([], []))
    for wrong in (data[:-1], data + b"x", data[:5]):
        with pytest.raises(MalformedExchange):
            decode(wrong)
    with pytest.raises((ValueError, struct.error)):
        parts(data[:-1])
