import pytest

from httptee.errors import UpstreamReset
from httptee.http import Request, Response, tee_answer
from httptee.recording.exchange import decode, row_of
from httptee.recording.pending import Pending
from httptee.recording.record import RecordMaker, Sieve
from httptee.recording.secrets import Secrets

VIA = "1.1 httptee (abcd)"
HEADERS = [("Host", "a"), ("Accept", "*/*")]


def exchange(response=None, **changed):
    values = {"method": "POST", "target": "/x", "headers": HEADERS, "body": b"", "client": "192.0.2.1"} | changed
    return Request(**values, scheme="http"), response or Response(200, "Fine", [("X", "y")], b"answer")


def on_wire(fields, body=b"", more=()):
    """An answer of which there is A's head, with `more` fields that are of the connection alone."""
    head = "".join(f"{name}:{value} \r\n" for name, value in [("Keep-Alive", "timeout=5"), *more, *fields])
    data = f"HTTP/1.1 200 Fine\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode("latin-1")
    return Response(200, "Fine", [*fields, ("Content-Length", str(len(body)))], body, head=data)


def made(request, response):
    return row_of(request, response, (7, 2), 1000, 50)


def sieve(keep=False):
    return Sieve(RecordMaker(None if keep else Secrets(b"k" * 32), 1000, VIA))


def test_a_record_without_a_secret_stays_as_it_is():
    for response in (None, on_wire([("X", "y")], b"answer")):
        given = made(*exchange(response))
        assert sieve().record(given) == given


SECRETS = [
    {"target": "/?token=sesame&a=b"},
    {"headers": [("Cookie", "a=sesame"), *HEADERS]},
    {"headers": [*HEADERS, ("Authorization", "Bearer sesame")], "target": "/?password=sesame"},
    {"headers": [("Content-Type", "application/json")], "body": b'{"a": 1, "password": "sesame"}'},
    {"headers": [("Content-Type", "application/x-www-form-urlencoded")], "body": b"a=b&password=sesame"},
    {"body": b' {"password": "sesame"}'},
    {"headers": [], "target": "/?token=sesame"},
    {"headers": [("Referer", "/?token=sesame")]},
    {"headers": [("Cookie", "a=sesame"), ("X-Long", "x" * 3000)]},
    {"response": Response(200, "OK", [("Set-Cookie", "a=sesame; Path=/")], b"")},
    {"response": Response(200, "OK", [("Content-Type", "application/json")], b'{"token": "sesame"}')},
    {"response": Response(200, "OK", [("Location", "/?token=sesame"), ("X-Long", "x" * 3000)], b"")},
    {"target": "/?token=sesame", "response": tee_answer(UpstreamReset("x"), "primary_reset")},
    {"response": on_wire([("Set-Cookie", "a=sesame; Path=/"), ("X", "y")])},
    {"response": on_wire([("Location", "/?token=sesame"), ("X-Long", "x" * 3000)])},
    {"response": on_wire([("Content-Type", "application/json"), ("set-cookie", "a=sesame")], b'{"token": "sesame"}')},
    {"response": on_wire([("X", "y")]), "target": "/?token=sesame"},
    {"response": on_wire([], more=[("Connection", "X-Internal"), ("X-Internal", "sesame")])},
    {"response": on_wire([], more=[("Keep-Alive", "sesame")])},
    {"response": on_wire([], more=[("Upgrade", "sesame")])},
    {"response": on_wire([], b'{"token": "sesame"}', [("Connection", "Content-Encoding"), ("Content-Encoding", "br")])},
]


@pytest.mark.parametrize("changed", SECRETS)
def test_a_secret_is_replaced_as_the_maker_of_records_replaces_it(changed):
    request, response = exchange(**changed)
    one, maker = sieve(), RecordMaker(Secrets(b"k" * 32), 1000, VIA)
    expected = decode(maker.record(Pending(request, response, (7, 2), 1000, 50)))
    for _ in range(2):  # the second time, the head is known
        data = one.record(made(request, response))
        assert b"sesame" not in data
        assert decode(data) == expected


@pytest.mark.parametrize("changed", SECRETS)
def test_secrets_that_are_to_be_kept_are_kept(changed):
    given = made(*exchange(**changed))
    assert decode(sieve(keep=True).record(given)) == decode(given)


@pytest.mark.parametrize("keep", [False, True])
def test_what_the_tee_has_added_to_via_is_left_out_wherever_it_stands(keep):
    one = sieve(keep)
    for headers, recorded in [
        ([*HEADERS, ("Via", VIA)], tuple(HEADERS)),
        ([("Via", f"1.0 mine, {VIA}"), *HEADERS], (("Via", "1.0 mine"), *HEADERS)),
        ([("Via", "1.1 other"), *HEADERS], (("Via", "1.1 other"), *HEADERS)),
    ]:
        for _ in range(2):
            assert decode(one.record(made(*exchange(headers=headers)))).headers == recorded


def test_equal_heads_of_requests_and_answers_are_not_taken_for_each_other():
    fields = [("Via", f"1.0 mine, {VIA}")]
    one = sieve()
    found = decode(one.record(made(*exchange(Response(200, "OK", fields, b""), headers=fields))))
    assert (found.headers, found.answer_headers) == ((("Via", "1.0 mine"),), tuple(fields))


def test_a_compressed_body_that_cannot_be_looked_into_is_not_kept():
    answer = Response(200, "OK", [("Content-Type", "application/json"), ("Content-Encoding", "gzip")], b"no gzip")
    found = decode(sieve().record(made(*exchange(answer))))
    assert (found.answer_body.data, found.answer_body.length) == (b"", 7)


def test_heads_are_remembered_within_a_bound():
    one = sieve()
    for number in range(3000):
        one.record(made(*exchange(headers=[("X", str(number))])))
    assert one._asked.cache_info().currsize == 1024


def test_the_same_bytes_on_the_wire_and_as_lines_are_not_taken_for_each_other():
    head = b"HTTP/1.1 200 OK\r\nSet-Cookie: sesame\r\n\r\n"
    one, as_lines = sieve(), made(*exchange(Response(200, "HTTP/1.1 200 OK\r", [("", "")], b"")))
    row = made(*exchange(Response(200, "OK", [], b"", head=head)))
    for _ in range(2):
        one.record(bytes((2,)) + row[1:])
        one.record(as_lines)
        assert b"sesame" not in one.record(row)
