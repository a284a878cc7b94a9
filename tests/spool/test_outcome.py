"""What an answer of B means for a clone."""

from email.utils import formatdate

import pytest

from httptee.http import Exchange
from httptee.spool import outcome
from httptee.spool.outcome import result_of, retry_after, sent_again
from httptee.transport import Reading
from httptee.transport.pending import Unread

from .spools import a_request

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    monkeypatch.setattr(outcome, "time", lambda: NOW)
    monkeypatch.setenv("TZ", "America/New_York")  # a date that names no zone is of UTC anywhere


def test_retry_after_counts_where_a_clone_is_sent_again():
    answer = Unread(Reading()).answer("GET")
    answer.feed(b"HTTP/1.1 503 Busy\r\nX: 1\r\nretry-after: 7\r\nContent-Length: 0\r\n\r\n")
    result = result_of(Exchange(a_request(), 0, 0.0), 0.1, None, answer)
    assert (result.status, result.retry_after) == (503, 7.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999", 300.0),
        ("9" * 5000, 300.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:07 1994", 30.0),
        (formatdate(NOW - 5, usegmt=True), 0.0),
        (formatdate(NOW + 9000, usegmt=True), 300.0),
        ("soon", 0.0),
        ("-7", 0.0),
        ("1.5", 0.0),
        ("\u00b2", 0.0),
        ("", 0.0),
        ("Sun, 99 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(text, seconds):
    assert retry_after(503, [("Server", "x"), ("Retry-After", text)]) == seconds


def test_retry_after_says_nothing_with_another_answer():
    assert retry_after(204, [("Retry-After", "7")]) == 0.0
    assert retry_after(503, []) == 0.0


@pytest.mark.parametrize("status", [408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 599])
def test_these_answers_do_not_deliver(status):
    assert sent_again("never", "POST", "", status)


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 404, 409, 422])
def test_these_answers_deliver(status):
    assert not sent_again("retry", "POST", "", status)


@pytest.mark.parametrize("reason", ["timeout", "reset", "protocol"])
def test_what_b_may_have_executed_is_for_the_option_to_say(reason):
    assert sent_again("retry", "POST", reason, 0)
    assert sent_again("idempotent", "PUT", reason, 0)
    assert not sent_again("idempotent", "POST", reason, 0)
    assert not sent_again("never", "PUT", reason, 200)


@pytest.mark.parametrize("reason", ["connect", "tls"])
def test_what_b_certainly_did_not_get_is_sent_again(reason):
    assert sent_again("never", "POST", reason, 0)
