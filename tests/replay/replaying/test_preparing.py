import hashlib

import pytest

from httptee.build import shadow_upstream
from httptee.recording import Kept
from httptee.replay.replaying.earlier import identity
from httptee.replay.replaying.preparing import MALFORMED, NO_BODY, Preparing, answer_of
from httptee.selection import selections
from httptee.settings import load, shadow_settings
from tests.replay.made import exchange


def preparing(line="http://b.example:9001", **changed):
    settings = load([f"--b={line}"], {})
    (shadow,) = shadow_settings(settings)
    (selection,) = selections([shadow.criteria])
    return Preparing(shadow_upstream(settings, shadow), selection, form=shadow.form, **changed)


def sent(made, line="http://b.example:9001", number=7):
    return preparing(line)(made, number).data


def test_a_request_is_sent_as_it_was_recorded_with_its_number():
    made = exchange(
        method="PUT", target="/a%2Fb?", headers=(("hOST", "x"), ("Accept", "a"), ("accept", "b")), body=b"\0x"
    )
    assert sent(made) == (
        b"PUT /a%2Fb? HTTP/1.1\r\nhOST: x\r\nAccept: a\r\naccept: b\r\nContent-Length: 2\r\n"
        b"X-Httptee-Replay: 7\r\n\r\n\0x"
    )


def test_hop_by_hop_fields_and_the_mark_of_an_earlier_replay_are_left_out():
    fields = (("Host", "x"), ("Connection", "close, X-Y"), ("X-Y", "1"), ("Transfer-Encoding", "chunked"))
    made = exchange(headers=(*fields, ("Expect", "100-continue"), ("X-Httptee-Replay", "1")), target="/")
    assert sent(made) == b"GET / HTTP/1.1\r\nHost: x\r\nX-Httptee-Replay: 7\r\n\r\n"


def test_a_length_that_is_not_that_of_the_body_is_corrected():
    assert b"\r\nContent-Length: 3\r\n" in sent(
        exchange(headers=(("Content-Length", "9"),), body=b"abc", method="POST")
    )
    assert b"Content-Length: 0\r\n" in sent(exchange(headers=(("Content-Length", "0"),), method="POST"))


def test_the_changes_of_a_line_of_a_b_apply():
    line = "http://b.example:9001/v2 rewrite remove-header=Accept 'set-header=X-Env: test' 'rewrite-path=^/a -> /b'"
    made = exchange(target="/a/1", headers=(("Host", "x"), ("Accept", "y")))
    assert sent(made, line).startswith(
        b"GET /v2/b/1 HTTP/1.1\r\nHost: b.example:9001\r\nX-Httptee-Replay: 7\r\nX-Env: test"
    )


def test_less_than_the_whole_request_is_sent_where_the_line_says_so():
    line = "http://b.example:9001 body=false"
    made = exchange(method="PUT", headers=(("Host", "x"), ("Content-Length", "2")), body=b"ab", target="/")
    assert sent(made, line) == b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX-Httptee-Replay: 7\r\n\r\n"
    long = exchange(method="PUT", headers=(("Content-Length", "10"),), body=Kept(b"", 10, b"digest"))
    assert b"Content-Length: 0\r\n" in sent(long, line)
    assert preparing(line)(long, 0).request.body == b""


def test_a_post_has_an_idempotency_key_of_its_own_where_the_line_says_so():
    made = preparing("http://b.example:9001 idempotent")
    posts = [made(exchange(method="POST", body=b"a"), number) for number in range(2)]
    keys = {line for one in posts for line in one.data.split(b"\r\n") if line.startswith(b"Idempotency-Key: ")}
    assert len(keys) == 2
    assert identity(posts[0].request) == identity(posts[1].request)  # as they were recorded


@pytest.mark.parametrize(
    ("line", "reason"),
    [("methods=POST", "filtered"), ("path=/other/*", "filtered"), ("percent=0", "sampled_out"), ("max-body=0", "")],
)
def test_the_filters_of_a_line_of_a_b_apply(line, reason):
    made = preparing(f"http://b.example:9001 {line}")
    assert (made(exchange(), 0) is None) == bool(reason)
    assert dict(made.refused) == ({reason: 1} if reason else {})


@pytest.mark.parametrize(
    ("chosen", "sends"),
    [("2xx", {200, 204}), ("!5xx", {200, 204, 404, 499}), ("200,404", {200, 404}), ("504", {504}), ("502", {502})],
)
def test_only_status_is_that_of_the_recorded_answer(chosen, sends):
    made = preparing(f"http://b.example:9001 only-status={chosen}")
    statuses = {each: exchange(status=each) for each in (200, 204, 404, 500)}
    failures = {504: "primary_timeout", 502: "primary_connect", 499: "client_gone"}  # what the client got
    statuses |= {each: exchange(status=0, error=error) for each, error in failures.items()}
    assert {each for each, one in statuses.items() if made(one, 0) is not None} == sends
    assert made.refused == {"other_status": len(statuses) - len(sends)}


def test_a_request_whose_body_was_not_recorded_is_not_sent():
    made = preparing()
    assert made(exchange(body=Kept(b"", 10, b"digest")), 0) is None
    assert made.refused == {NO_BODY: 1}


def test_a_request_that_is_no_http_is_not_sent():
    made = preparing()
    assert made(exchange(target="/a b"), 0) is None
    assert made.refused == {MALFORMED: 1}


def test_the_answer_of_a_is_expected_without_its_hop_by_hop_fields():
    a = answer_of(exchange(answer=b"{}", answer_headers=(("Connection", "keep-alive"), ("Server", "s")), status=201))
    assert (a.status, a.headers, a.body, a.length) == (201, [("Server", "s")], b"{}", 2)


def test_of_a_long_answer_the_length_and_the_digest_are_expected():
    kept = Kept(b"", 5, hashlib.sha256(b"hello").digest())
    a = answer_of(exchange(answer=kept))
    assert (a.body, a.length, a.digest) == (None, 5, kept.digest)


@pytest.mark.parametrize("changed", [{"status": 0}, {"error": "client_gone"}, {"answer": Kept(b"", 5, b"")}])
def test_where_a_gave_no_whole_answer_nothing_is_expected(changed):
    assert answer_of(exchange(**changed)) is None


def test_nothing_is_expected_where_nothing_is_compared():
    assert preparing(compares=False)(exchange(), 0).expected is None
    assert preparing()(exchange(), 0).expected is not None
