import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.errors import UpstreamReset
from httptee.http import Request, Response, tee_answer
from httptee.recording.exchange import MalformedExchange, as_bytes, decode, flat, record_of
from httptee.recording.outlet import batch_of, exchanges_in
from httptee.recording.record import RecordMaker, Sieve

NAMES = st.text(st.sampled_from("Xx-!#_"), min_size=1, max_size=4)
VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=20)
HOSTILE = VALUES | st.text(st.sampled_from(': "\\\x85\x0b\x1c'), max_size=8)
FIELDS = st.lists(st.tuples(NAMES, HOSTILE), max_size=4)


def made(fields, answered, asked=b"asked", body=b"answer", target="/x", reason="Fine"):
    request = Request("POST", target, fields, asked, "192.0.2.1", "http")
    return as_bytes(flat(request, Response(201, reason, answered, body), (3, 4), 1000, 50, 1 << 40))


def test_an_exchange_is_recorded_as_it_was():
    data = record_of(made([("Host", "a")], [("X", "y")]))
    found = decode(data)
    assert (found.connection, found.place, found.client, found.arrived) == ((1 << 40) + 3, 4, "192.0.2.1", 1000)
    assert (found.first_byte, found.ended, found.error) == (50, 50, "")
    assert (found.method, found.target, found.headers, found.body.data) == ("POST", "/x", (("Host", "a"),), b"asked")
    assert (found.status, found.reason, found.answer_headers) == (201, "Fine", (("X", "y"),))
    assert (found.answer_body.data, found.answer_body.whole, found.origin) == (b"answer", True, "")


def test_where_a_gave_no_answer_nothing_of_the_tees_own_is_recorded():
    request = Request("GET", "/", [], b"", "a", "http")
    given_ = flat(request, tee_answer(UpstreamReset("x"), "primary_reset"), (1, 1), 1, 2, 0)
    found = decode(record_of(as_bytes(given_)))
    assert (found.status, found.reason, found.answer_headers, found.answer_body.length) == (0, "", (), 0)
    assert (found.error, found.first_byte, found.ended) == ("primary_reset", -1, -1)


@given(FIELDS, FIELDS, st.text(st.sampled_from("/?%\xe9"), min_size=1), VALUES, st.binary(), st.binary())
@settings(max_examples=300, deadline=None)
def test_whatever_the_texts_are_the_record_has_them_as_they_were(fields, answered, target, reason, asked, body):
    given_ = made(fields, answered, asked, body, target, reason)
    handed = list(exchanges_in(batch_of([flat_again(given_)] * 3), 3))
    assert handed == [given_] * 3
    for data in (record_of(given_), Sieve(RecordMaker(None, 1000)).record(given_)):
        read = decode(data)
        assert (read.headers, read.answer_headers, read.target) == (tuple(fields), tuple(answered), target)
        assert (read.reason, read.body.data, read.answer_body.data) == (reason, asked, body)


def flat_again(given_):
    """The same with those texts as strings that are strings."""
    return (*given_[:5], given_[5].decode("latin-1"), given_[6].decode("latin-1"), *given_[7:])


def test_the_head_that_was_sent_to_a_is_taken_and_made_only_once():
    request = Request("GET", "/", [("Host", "a")], b"", "a", "http")
    first, second = (flat(request, Response(200, "OK", [], b""), (1, 1), 1, 2, 0) for _ in range(2))
    assert first[7] is second[7] is request.shared_head[0]


@pytest.mark.parametrize(
    ("fields", "answered"),
    [
        ([("X", "a\r\nY: b")], []),
        ([], [("X", "a\nY\nb")]),
        ([], [("X", "\u20ac")]),
        ([("X", "\u20ac")], []),
    ],
)
def test_what_is_no_head_is_not_recorded_as_another_one(fields, answered):
    with pytest.raises(ValueError):
        made(fields, answered)


def test_a_client_whose_name_is_not_latin_1_is_recorded_with_question_marks():
    request = Request("GET", "/", [], b"", "a\u20ac", "http")
    given_ = flat(request, Response(200, "OK", [], b""), (1, 1), 1, 2, 0)
    assert as_bytes(given_)[5] == b"a?"
    assert list(exchanges_in(batch_of([given_]), 1)) == [as_bytes(given_)]


def test_a_record_of_another_length_is_none():
    data = record_of(made([], []))
    for wrong in (data[:-1], data + b"x", data[:5]):
        with pytest.raises(MalformedExchange):
            decode(wrong)
