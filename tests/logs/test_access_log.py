import json
import re
import threading
from types import SimpleNamespace

import pytest

from httptee.errors import BadRequest, BodyTooLarge, ClientGone, CutOff, UpstreamReset, UpstreamTimeout
from httptee.http.inbound import RECEIVED_HEADERS, REQUEST_ID
from httptee.http.message import Response, tee_answer
from httptee.logs.access_log import AccessLog
from httptee.logs.formats import FORMATS
from httptee.settings.options import BY_NAME

COMBINED = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+|-) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" id=(?P<id>[0-9a-f]{16}) total=\d+\.\d{6} (?P<rest>.*)\n'
)


class Lines(list):
    """A writer that keeps what it is given."""

    closed = False
    missing = 0

    def put(self, line):
        self.append(line.decode("ascii"))

    def lost(self):
        self.missing += 1

    def close(self, timeout):
        self.closed = True


def make(format="combined", clones=0):
    lines = Lines()
    return AccessLog(lines, FORMATS[format], clones), lines


def environ(**changes):
    headers = changes.pop("headers", [("Host", "h"), ("Referer", "http://r/"), ("USER-AGENT", "curl/8")])
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/a?b=c",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "::ffff:192.0.2.7",
        RECEIVED_HEADERS: headers,
        **changes,
    }


def whole(body=b"12345", status=200):
    return Response(status, "OK", [], body, lambda: None)


def test_a_request_without_bs_is_written_when_its_answer_is_done():
    log, lines = make()
    _, answer = log.follow(environ(), whole(), 0.25)
    assert not lines
    answer.close()
    (line,) = lines
    found = COMBINED.fullmatch(line)
    assert found["client"] == "192.0.2.7"
    assert found["request"] == "GET /a?b=c HTTP/1.1"
    assert (found["status"], found["bytes"]) == ("200", "5")
    assert (found["referer"], found["agent"]) == ("http://r/", "curl/8")
    assert found["rest"] == "a=200/0.250000"
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", found["time"])


def test_the_last_outcome_writes_the_record_whichever_it_is():
    for order in ("answer first", "answer last"):
        log, lines = make(clones=2)
        record, answer = log.follow(environ(), whole(), 0.001)
        if order == "answer first":
            answer.close()
        record.settled("http://b", "delivered", 204, 0.5)
        record.settled("http://c", "dropped", "saturated")
        if order == "answer last":
            assert not lines
            answer.close()
        (line,) = lines
        assert COMBINED.fullmatch(line)["rest"] == (
            "a=200/0.001000 b=http://b:delivered:204/0.500000 b=http://c:dropped:saturated"
        )
        assert not log.open


def test_json_says_the_same():
    log, lines = make("json", clones=3)
    record, answer = log.follow(environ(), tee_answer(UpstreamTimeout(), "primary_timeout"), 2.5)
    record.settled("b", "delivered", 204, 0.5)
    record.settled("c", "failed", "reset", 0.25)
    record.settled("d", "dropped", "filtered")
    answer.close()
    found = json.loads(lines[0])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found.pop("time"))
    assert re.fullmatch(r"[0-9a-f]{16}", found.pop("id"))
    assert found.pop("seconds") >= 2.5
    assert found == {
        "client": "192.0.2.7",
        "method": "GET",
        "target": "/a?b=c",
        "protocol": "HTTP/1.1",
        "status": 504,
        "bytes": len(b"504 Gateway Timeout: primary_timeout\n"),
        "referer": "http://r/",
        "user_agent": "curl/8",
        "refused": None,
        "a": {"status": 504, "error": "primary_timeout", "seconds": 2.5},
        "b": [
            {"backend": "b", "outcome": "delivered", "status": 204, "seconds": 0.5},
            {"backend": "c", "outcome": "failed", "reason": "reset", "seconds": 0.25},
            {"backend": "d", "outcome": "dropped", "reason": "filtered"},
        ],
    }


def test_a_streaming_answer_counts_its_bytes_and_its_breaking_off():
    def broken():
        yield b"abc"
        yield b"de"
        raise UpstreamReset("A died")

    log, lines = make("json")
    _, answer = log.follow(environ(), Response(200, "OK", [], broken(), lambda: None), 0.0)
    assert not answer.whole
    with pytest.raises(UpstreamReset):
        list(answer.body)
    answer.close()
    found = json.loads(lines[0])
    assert (found["bytes"], found["a"]["error"]) == (5, "primary_reset")


def test_closing_twice_writes_once_and_frees_each_time():
    freed = []
    log, lines = make()
    _, answer = log.follow(environ(), Response(200, "OK", [], b"", lambda: freed.append(1)), 0.0)
    answer.close()
    answer.close()
    assert (len(lines), len(freed)) == (1, 2)
    assert '" 200 - "' in lines[0]


def test_the_body_that_a_head_does_not_get_is_not_counted():
    log, lines = make("json")
    log.follow(environ(REQUEST_METHOD="HEAD"), whole(), 0.0)[1].close()
    assert json.loads(lines[0])["bytes"] == 0


@pytest.mark.parametrize("format", FORMATS)
def test_a_refused_request_has_a_record_without_a(format):
    log, lines = make(format, clones=2)
    log.refused(environ(), tee_answer(BodyTooLarge()))
    if format == "json":
        found = json.loads(lines[0])
        assert (found["status"], found["refused"], found["a"], found["b"]) == (413, "body_too_large", None, [])
    else:
        assert COMBINED.fullmatch(lines[0])["rest"] == "refused:body_too_large"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("bad", ['"', "\\", "\n", "\r\n127.0.0.1 - - forged", "\x00", "\x1b[31m", "\x7f", "\xe9\xff"])
def test_nothing_a_client_sends_breaks_out_of_its_line(format, bad):
    log, lines = make(format)
    headers = [("Referer", f"r{bad}"), ("User-Agent", f"a{bad}")]
    log.follow(environ(REQUEST_URI=f"/{bad}", headers=headers), whole(), 0.0)[1].close()
    (line,) = lines
    assert line.count("\n") == 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", line)
    if format == "json":
        found = json.loads(line)
        assert (found["target"], found["referer"], found["user_agent"]) == (f"/{bad}", f"r{bad}", f"a{bad}")
    else:
        assert COMBINED.fullmatch(line)


@pytest.mark.parametrize("format", FORMATS)
def test_credentials_are_not_written(format):
    log, lines = make(format)
    headers = [("Authorization", "Basic c2VjcmV0"), ("Cookie", "sid=secret"), ("Proxy-Authorization", "secret")]
    log.follow(environ(headers=headers), whole(), 0.0)[1].close()
    assert "secret" not in lines[0]
    assert "c2VjcmV0" not in lines[0]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("target", ["http://me:sesame@shop/x", "http://me:sesame/x@shop", "sesame@shop:443"])
def test_the_password_of_a_refused_target_is_not_written(format, target):
    log, lines = make(format)
    log.refused(environ(REQUEST_URI=target), tee_answer(BadRequest()))
    (line,) = lines
    assert "sesame" not in line
    assert "***@shop" in line


def test_under_another_server_the_fields_come_from_the_environ():
    log, lines = make()
    other = environ(HTTP_REFERER="http://x/", HTTP_USER_AGENT="wget")
    del other[RECEIVED_HEADERS]
    log.follow(other, whole(), 0.0)[1].close()
    assert '"http://x/" "wget"' in lines[0]


def test_under_another_server_the_target_is_the_one_that_a_gets():
    log, lines = make()
    other = environ(RAW_URI="/a%2Fb?", SCRIPT_NAME="", PATH_INFO="/a b", QUERY_STRING="c")
    del other["REQUEST_URI"]
    log.follow(other, whole(), 0.0)[1].close()
    del other["RAW_URI"]
    log.refused(other, tee_answer(BodyTooLarge()))
    assert [COMBINED.fullmatch(line)["request"] for line in lines] == ["GET /a%2Fb? HTTP/1.1", "GET /a%20b?c HTTP/1.1"]


def test_a_record_that_cannot_be_formatted_is_counted_and_harms_neither_the_answer_nor_the_clone(caplog):
    lines = Lines()
    log = AccessLog(lines, lambda record: record.nothing, 1)
    record, answer = log.follow(environ(), whole(), 0.0)
    answer.close()
    record.settled("b", "delivered", 200, 0.1)
    assert (lines, lines.missing) == ([], 1)
    assert "a record of the access log could not be written" in caplog.text


def test_what_is_unfinished_at_the_end_is_written_as_it_is_and_once():
    log, lines = make("json", clones=2)
    record, answer = log.follow(environ(), whole(), 0.0)
    record.settled("b", "delivered", 200, 0.1)
    log.close(1.0)
    assert lines.closed
    assert len(json.loads(lines[0])["b"]) == 1
    record.settled("c", "failed", "timeout", 1.0)
    answer.close()
    assert len(lines) == 1


def test_an_outcome_that_comes_in_mid_close_does_not_write_the_record_twice():
    log, lines = make("json", clones=1)
    record, answer = log.follow(environ(), whole(), 0.0)
    answer.close()

    class Lock:
        """After `close` has let go of the lock for the first time, the last clone is settled."""

        def __init__(self, lock):
            self.lock, self.releases = lock, 0

        def __enter__(self):
            self.lock.acquire()

        def __exit__(self, *_):
            self.lock.release()
            self.releases += 1
            if self.releases == 1:
                record.settled("b", "delivered", 200, 0.1)

    log.lock = Lock(log.lock)
    log.close(1.0)
    assert len(lines) == 1


def test_outcomes_from_many_threads_write_one_record_each():
    log, lines = make("json", clones=4)
    records = [log.follow(environ(), whole(), 0.0) for _ in range(500)]

    def settle(name):
        for record, answer in records:
            if name == "a":
                answer.close()
            else:
                record.settled(name, "delivered", 200, 0.0)

    threads = [threading.Thread(target=settle, args=(name,)) for name in "abcde"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines) == 500
    assert len({json.loads(line)["id"] for line in lines}) == 500
    assert all(len(json.loads(line)["b"]) == 4 for line in lines)


def test_a_writer_in_trouble_is_not_the_requests_trouble():
    dropped = []
    log = AccessLog(SimpleNamespace(put=lambda line: dropped.append(line)), FORMATS["combined"], 0)
    log.follow(environ(), whole(), 0.0)[1].close()
    assert len(dropped) == 1


def test_every_format_is_a_word_of_the_option():
    words = BY_NAME["access-log-format"].cast.keywords["words"]
    assert set(words) == set(FORMATS)


@pytest.mark.parametrize("format", ["combined", "json"])
def test_a_client_that_has_gone_has_499_beside_the_status_of_a(format):
    log, lines = make(format)
    record, answer = log.follow(environ(), Response(200, "OK", [], iter([b"abc", b"de"]), lambda: None), 0.25)
    assert next(answer.body) == b"abc"
    record.client_gone()
    answer.close()
    if format == "combined":
        found = COMBINED.fullmatch(lines[0])
        assert (found["status"], found["bytes"], found["rest"]) == ("499", "3", "a=200/0.250000")
    else:
        found = json.loads(lines[0])
        assert (found["status"], found["bytes"], found["a"]["status"], found["a"]["error"]) == (499, 3, 200, "")


@pytest.mark.parametrize("error", [ClientGone, CutOff])
def test_an_answer_that_was_canceled_is_no_error_of_a(error):
    def canceled():
        yield b"abc"
        raise error("canceled")

    log, lines = make()
    _, answer = log.follow(environ(), Response(200, "OK", [], canceled(), lambda: None), 0.25)
    with pytest.raises(error):
        list(answer.body)
    answer.close()
    assert COMBINED.fullmatch(lines[0])["rest"] == "a=200/0.250000"


@pytest.mark.parametrize("format", FORMATS)
def test_a_request_that_has_an_id_is_logged_with_it(format):
    log, lines = make(format)
    _, answer = log.follow(environ(**{REQUEST_ID: "4bf92f"}), whole(), 0.25)
    answer.close()
    assert "id=4bf92f " in lines[0] or json.loads(lines[0])["id"] == "4bf92f"


@pytest.mark.parametrize(
    ("format", "said"), [("combined", " tunnel=idle/77\n"), ("json", '"tunnel":{"end":"idle","received":77}')]
)
def test_an_upgraded_connection_has_its_record_with_its_bytes_at_its_end(format, said):
    log, lines = make(format)
    record, answer = log.follow(environ(), whole(b"", 101), 0.25)
    record.tunnelled("idle", 77, 5)
    assert not lines
    answer.close()
    (line,) = lines
    assert said in line
    assert ('"status":101,"bytes":5' if format == "json" else '" 101 5 ') in line
