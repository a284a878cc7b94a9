import hashlib
import tempfile

import pytest

from httptee.errors import UpstreamReset
from httptee.http import FileBody, Pieces, Request, Response, tee_answer
from httptee.http.uploads import StreamedBody
from httptee.recording.exchange import decode
from httptee.recording.pending import Pending
from httptee.recording.record import RecordMaker, connection_base
from httptee.recording.secrets import Secrets
from tests.http.uploads.sources import Scripted

VIA = "1.1 httptee (abcd)"


def pending(response=None, **changed):
    values = {"method": "POST", "target": "/x?token=abc", "headers": [("Host", "a"), ("Via", VIA)], "body": b"body"}
    request = Request(**(values | {"client": "192.0.2.1", "scheme": "http"} | changed))
    return Pending(request, response or Response(200, "Fine", [("X", "y")], b"answer"), (7, 2), 1000, 50)


def made(one, secrets=None, most=100):
    return decode(RecordMaker(secrets, most, VIA).record(one))


def test_an_exchange_is_recorded_as_it_was():
    found = made(pending())
    assert (found.method, found.target, found.headers, found.body.data) == (
        "POST",
        "/x?token=abc",
        (("Host", "a"),),
        b"body",
    )
    assert (found.status, found.reason, found.answer_headers, found.answer_body.data) == (
        200,
        "Fine",
        (("X", "y"),),
        b"answer",
    )
    assert (found.place, found.client, found.arrived, found.first_byte, found.ended) == (2, "192.0.2.1", 1000, 50, 50)
    assert (found.error, found.body.whole, found.answer_body.whole) == ("", True, True)


def test_connections_are_numbered_beside_those_of_other_processes():
    one, other = (RecordMaker(None, 1, base=connection_base()) for _ in range(2))
    numbers = {decode(maker.record(pending())).connection for maker in (one, other)}
    assert len(numbers) == 2
    assert {number & 0xFFFFFFFF for number in numbers} == {7}


@pytest.mark.parametrize(
    ("headers", "recorded"),
    [
        ([("Via", "1.0 mine, 1.1 httptee (abcd)"), ("X", "y")], (("Via", "1.0 mine"), ("X", "y"))),
        ([("via", "1.0 httptee (abcd)"), ("X", "y")], (("X", "y"),)),
        ([("Via", "1.1 other")], (("Via", "1.1 other"),)),
        ([], ()),
    ],
)
def test_what_the_tee_has_added_to_via_is_left_out(headers, recorded):
    assert made(pending(headers=headers)).headers == recorded


def test_long_bodies_are_recorded_by_length_and_digest():
    found = made(pending(), most=3)
    assert (found.body.data, found.body.length, found.body.digest) == (b"", 4, hashlib.sha256(b"body").digest())
    assert (found.answer_body.length, found.answer_body.digest) == (6, hashlib.sha256(b"answer").digest())


@pytest.mark.parametrize("most", [100, 3])
def test_a_body_in_a_file_is_read(most):
    with tempfile.TemporaryFile() as file:
        file.write(b"--hello")
        file.flush()
        file.seek(2)
        one = pending(body=FileBody(file, 5))
        one.hold_file()
    found = made(one, most=most)
    one.release()
    assert found.body.length == 5
    assert found.body.data == (b"hello" if most == 100 else b"")
    assert found.body.digest == (b"" if most == 100 else hashlib.sha256(b"hello").digest())


def test_a_file_that_is_too_short_is_an_error():
    with tempfile.TemporaryFile() as file:
        one = pending(body=FileBody(file, 5))
        one.hold_file()
    with pytest.raises(OSError, match="too short"):
        made(one)
    one.release()


def test_an_answer_that_has_streamed_is_whole_or_only_measured():
    one = pending()
    one.pieces = Pieces(100)
    one.pieces.append(b"str")
    one.pieces.append(b"eam")
    assert made(one).answer_body.data == b"stream"
    one.ended, one.error = -1, "primary_reset"
    found = made(one)
    assert (found.answer_body.data, found.answer_body.length, found.answer_body.whole) == (b"", 6, False)
    assert (found.status, found.error, found.ended) == (200, "primary_reset", -1)


def test_where_a_gave_no_answer_nothing_of_the_tees_own_is_recorded():
    found = made(pending(tee_answer(UpstreamReset("x"), "primary_reset")))
    assert (found.status, found.reason, found.answer_headers, found.answer_body.length) == (0, "", (), 0)
    assert (found.error, found.first_byte, found.ended) == ("primary_reset", -1, -1)


def test_secrets_are_replaced_on_both_sides():
    answer = Response(
        200, "OK", [("Set-Cookie", "sid=sesame"), ("Content-Type", "application/json")], b'{"token":"sesame"}'
    )
    one = pending(answer, target="/?token=sesame", headers=[("Cookie", "a=sesame")], body=b'{"password":"sesame"}')
    data = RecordMaker(Secrets(b"k" * 32), 100, VIA).record(one)
    assert b"sesame" not in data


@pytest.mark.parametrize(("ends", "digest"), [(True, hashlib.sha256(b"abc").digest()), (False, b"")])
def test_a_body_that_streamed_and_was_not_kept_is_recorded_by_its_length(ends, digest):
    body = StreamedBody(Scripted(b"abc", length=3, ends=ends))
    body.keep(0, None, digest=True)
    body.read()
    body.finish()
    found = made(pending(body=body))
    assert (found.body.data, found.body.length, found.body.digest, found.body.whole) == (b"", 3, digest, False)
