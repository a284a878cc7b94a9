import re
from io import BytesIO
from types import SimpleNamespace
from wsgiref.validate import validator

import pytest

from httptee.app import Tee
from httptee.errors import BadRequest, BodyStorage, ClientGone, CutOff, Overloaded, UpstreamReset, UpstreamTimeout
from httptee.http.cancellation import CANCELLATION, Cancellation
from httptee.http.headers import Additions
from httptee.http.inbound import RECEIVED_HEADERS
from httptee.http.message import Response, no_answer, tee_answer
from httptee.http.uploads import STREAMED_BODY
from httptee.ledger.ledger import Ledger
from httptee.logs.access_log import AccessLog
from httptee.logs.formats import FORMATS
from httptee.shadow import Budget
from tests.http.uploads.sources import Scripted, read_all

LEDGER = Ledger([])


class ScriptedPrimary:
    """Answers what it is told to and remembers what it was sent."""

    def __init__(self, log, response):
        self.log, self.response = log, response
        self.requests = []
        self.interim = None

    def answer(self, request, cancellation=None, interim=None, timed=False):
        self.interim = interim
        self.log.append("A")
        self.requests.append(request)
        return self.response

    def close(self, timeout):
        assert timeout > 0
        self.log.append("A closed")


class RecordingShadow:
    def __init__(self, log):
        self.log = log
        self.exchanges = []

    def offer(self, exchange):
        self.log.append("offer")
        self.exchanges.append(exchange)

    def stop(self):
        self.log.append("stop")

    def drain(self, timeout):
        self.log.append("drain")


class RaisingShadow(RecordingShadow):
    def offer(self, exchange):
        raise OSError("a bug")


def build(response=None, shadows=1, **additions):
    log = []
    if response is None:
        response = Response(200, "OK", [("Content-Length", "2")], b"ok", lambda: log.append("freed"))
    primary = ScriptedPrimary(log, response)
    backends = [RecordingShadow(log) for _ in range(shadows)]
    tee = Tee(
        primary,
        backends,
        Additions(**additions),
        LEDGER.worker(0),
        in_memory=100,
        max_request_body=1000,
        drain_timeout=1.0,
    )
    return SimpleNamespace(tee=tee, log=log, primary=primary, shadows=backends)


def environ(**changes):
    return {
        "REQUEST_METHOD": "GET",
        "REQUEST_URI": "/a",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a",
        "SERVER_NAME": "tee",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "192.0.2.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": SimpleNamespace(flush=None, write=None, writelines=None),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **changes,
    }


def call(made, **changes):
    """What the client gets: status line, fields and body; the log says what happened when."""
    got = {}

    def start_response(status, headers, exc_info=None):
        made.log.append("headers")
        got.update(status=status, headers=headers)
        return lambda data: None

    answer = made.tee(environ(**changes), start_response)
    body = b""
    for piece in answer:
        made.log.append("body")
        body += piece
    answer.close()
    return SimpleNamespace(body=body, **got)


def test_a_whole_answer_reaches_the_client_before_b_hears_of_it():
    made = build()
    answer = call(made)
    assert (answer.status, answer.headers, answer.body) == ("200 OK", [("Content-Length", "2")], b"ok")
    assert made.log == ["A", "headers", "body", "freed", "offer"]


def test_interim_answers_go_where_the_server_says():
    made, passed_on = build(), print
    call(made, **{"httptee.interim": passed_on})
    assert made.primary.interim is passed_on
    call(made)
    assert made.primary.interim is None


def test_a_streaming_answer_is_offered_at_its_headers():
    made = build(Response(200, "OK", [], iter([b"a", b"b"]), lambda: None))
    assert call(made).body == b"ab"
    assert made.log == ["A", "headers", "offer", "body", "body"]


def test_a_streaming_answer_to_a_body_in_a_file_begins_before_b_makes_anyone_read_it():
    made = build(Response(200, "OK", [], iter([b"a", b"b"]), lambda: None))
    upload = {"CONTENT_LENGTH": "101", "wsgi.input": BytesIO(b"x" * 101)}
    assert call(made, **upload).body == b"ab"
    assert made.log == ["A", "headers", "body", "offer", "body"]


def test_a_stream_without_a_piece_makes_a_clone_of_a_body_in_a_file_all_the_same():
    made = build(Response(200, "OK", [], iter([]), lambda: None))
    call(made, CONTENT_LENGTH="101", **{"wsgi.input": BytesIO(b"x" * 101)})
    assert made.log == ["A", "headers", "offer"]


def test_every_shadow_gets_the_same_exchange():
    made = build(shadows=3)
    call(made)
    first, *others = [shadow.exchanges[0] for shadow in made.shadows]
    assert all(other is first for other in others)
    assert (first.request.target, first.status) == ("/a", 200)
    assert first.seconds >= 0


def test_closing_an_answer_twice_offers_once():
    made = build()
    answer = made.tee(environ(), lambda status, headers: None)
    answer.close()
    answer.close()
    assert made.log.count("offer") == 1


def test_a_client_that_leaves_before_the_body_still_makes_a_clone():
    made = build()
    made.tee(environ(), lambda status, headers: None).close()
    assert made.log == ["A", "freed", "offer"]


def test_where_a_fails_b_gets_its_clone_all_the_same():
    made = build(tee_answer(UpstreamTimeout("silent"), "primary_timeout"))
    answer = call(made)
    assert answer.status == "504 Gateway Timeout"
    assert ("X-Httptee-Error", "primary_timeout") in answer.headers
    assert made.shadows[0].exchanges[0].status == 504


def test_a_body_that_breaks_off_is_not_mended():
    def broken():
        yield b"abc"
        raise UpstreamReset("A died")

    made = build(Response(200, "OK", [], broken(), lambda: None))
    with pytest.raises(UpstreamReset):
        call(made)


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"REQUEST_METHOD": "CONNECT", "REQUEST_URI": "a:1"}, "501 Not Implemented", "connect_not_supported"),
        ({"REQUEST_URI": "nonsense"}, "400 Bad Request", "bad_request"),
        ({"CONTENT_LENGTH": "1001"}, "413 Content Too Large", "body_too_large"),
        ({"HTTP_VIA": "1.1 httptee (me)"}, "508 Loop Detected", "loop"),
    ],
)
def test_what_is_refused_reaches_neither_a_nor_b(changes, status, reason):
    made = build(via="1.1 httptee (me)")
    answer = call(made, **changes)
    assert answer.status == status
    assert ("X-Httptee-Error", reason) in answer.headers
    assert answer.body.endswith(f"{reason}\n".encode())
    assert made.log == ["headers", "body"]


@pytest.mark.parametrize(("given", "dates"), [({}, 0), ({RECEIVED_HEADERS: []}, 1)])
def test_the_date_of_an_answer_of_the_tees_own_is_left_to_another_server(given, dates):
    answer = call(build(), REQUEST_URI="nonsense", **given)
    assert [name for name, _ in answer.headers].count("Date") == dates
    a = call(build(Response(200, "OK", [("Date", "x"), ("Content-Length", "2")], b"ok", lambda: None)), **given)
    assert ("Date", "x") in a.headers


def test_a_body_that_cannot_be_read_for_a_is_refused_and_makes_no_clone(monkeypatch):
    def gone(request, cancellation=None, interim=None, timed=False):
        raise BodyStorage("the file cannot be read")

    made = build()
    monkeypatch.setattr(made.primary, "answer", gone)
    answer = call(made)
    assert answer.status == "507 Insufficient Storage"
    assert answer.body == b"507 Insufficient Storage: body_storage\n"
    assert made.log == ["headers", "body"]


def test_a_request_that_was_to_be_recorded_and_is_refused_is_counted_by_the_recorder(monkeypatch):
    def overloaded(request, cancellation=None, interim=None, timed=False):
        raise Overloaded("no thread is free")

    made, said = build(), []
    made.tee.recorder = SimpleNamespace(begin=lambda request: 7, unanswered=lambda: said.append("unanswered"))
    monkeypatch.setattr(made.primary, "answer", overloaded)
    assert call(made).status.startswith("503")
    assert said == ["unanswered"]
    made.tee.recorder.begin = lambda request: 0
    call(made)
    assert said == ["unanswered"]


def test_a_and_b_get_the_same_derived_headers():
    made = build(via="1.1 httptee (me)", forward_client=True)
    call(made, HTTP_HOST="h", HTTP_CONNECTION="close")
    sent = made.primary.requests[0]
    assert sent.headers == [
        ("Host", "h"),
        ("X-Forwarded-For", "192.0.2.1"),
        ("Forwarded", "for=192.0.2.1;proto=http"),
        ("Via", "1.1 httptee (me)"),
    ]
    assert made.shadows[0].exchanges[0].request is sent


def test_close_stops_every_shadow_before_it_waits_for_any():
    made = build(shadows=2)
    made.tee.close()
    assert made.log == ["stop", "stop", "drain", "drain", "A closed"]


def test_the_application_is_valid_wsgi():
    headers = [("Content-Type", "text/plain"), ("Content-Length", "2")]
    made = build(Response(200, "OK", headers, b"ok", lambda: None))
    errors = SimpleNamespace(flush=lambda: None, write=lambda text: None, writelines=lambda lines: None)
    started = []
    answer = validator(made.tee)(
        environ(QUERY_STRING="", **{"wsgi.errors": errors}),
        lambda status, headers, exc_info=None: started.append(status) or (lambda data: None),
    )
    assert b"".join(answer) == b"ok"
    answer.close()
    assert started == ["200 OK"]


def test_a_shadow_that_fails_costs_neither_the_client_nor_the_other_shadows_anything(caplog):
    made = build(shadows=2)
    made.tee.shadows = (RaisingShadow([]), *made.shadows)
    answer = made.tee(environ(), lambda status, headers: None)
    assert b"".join(answer) == b"ok"
    answer.close()
    assert [len(shadow.exchanges) for shadow in made.shadows] == [1, 1]
    assert "a clone could not be offered" in caplog.text


class RaisingLog:
    def follow(self, environ, response, seconds):
        raise KeyError("a bug")

    def refused(self, environ, answer):
        raise KeyError("a bug")


@pytest.mark.parametrize("target", ["/a", "nonsense"])
def test_a_log_that_fails_changes_nothing_for_the_client_or_b_and_is_counted(target, caplog):
    ledger = Ledger([])
    answers = []
    for log in (None, RaisingLog()):
        made = build()
        made.tee._log, made.tee.account = log, ledger.worker(0)
        answers.append((vars(call(made, REQUEST_URI=target)), made.log))
    assert answers[0] == answers[1]
    assert ledger.primary().log_dropped == 1
    assert caplog.text.count("a request could not be logged") == 1


class TestAClientThatHasGone:
    """What is counted, logged and cloned. The primary cancels, as the server would while A is waited for."""

    def gone(self, response):
        made = build(response)
        made.cancellation = Cancellation()
        made.ledger = Ledger([])
        made.tee.account = made.ledger.worker(0)
        made.lines = []
        writer = SimpleNamespace(put=lambda line: made.lines.append(line.decode()), close=lambda timeout: None)
        made.tee._log = AccessLog(writer, FORMATS["combined"], 0)
        return made

    def test_before_as_headers_it_is_a_499_everywhere_and_b_gets_its_clone(self):
        made = self.gone(no_answer())
        made.cancellation.cancel()
        answer = made.tee(environ(**{CANCELLATION: made.cancellation}), lambda status, headers: None)
        answer.close()
        answer.close()
        assert made.shadows[0].exchanges[0].status == 499
        primary = made.ledger.primary()
        assert (primary.client_gone, primary.answered_by_status, primary.refused_by_reason) == (1, {499: 1}, {})
        (line,) = made.lines
        assert re.search(r'" 499 - "-" "-" .* a=499:client_gone/\d', line)

    def test_in_mid_answer_the_log_has_499_and_as_own_status_too(self):
        made = self.gone(None)

        def body():
            yield b"abc"
            made.cancellation.cancel()
            raise ClientGone("gone")

        made.primary.response = Response(200, "OK", [], body(), lambda: None)
        answer = made.tee(environ(**{CANCELLATION: made.cancellation}), lambda status, headers: None)
        with pytest.raises(ClientGone):
            list(answer)
        answer.close()
        answer.close()
        primary = made.ledger.primary()
        assert (primary.client_gone, primary.answered_by_status, primary.errors_by_reason) == (1, {200: 1}, {})
        (line,) = made.lines
        assert re.search(r'" 499 3 "-" "-" .* a=200/\d', line)
        assert made.shadows[0].exchanges[0].status == 200

    def test_a_client_that_has_its_answer_may_go(self):
        made = self.gone(None)
        made.primary.response = Response(200, "OK", [], b"ok", lambda: None)
        call(made, **{CANCELLATION: made.cancellation})
        made.cancellation.cancel()
        assert made.ledger.primary().client_gone == 0
        assert '" 200 2 ' in made.lines[0]

    def test_what_the_end_of_a_drain_cuts_off_is_not_counted_as_gone(self):
        made = self.gone(no_answer(CutOff))
        made.cancellation.cancel(CutOff)
        made.tee(environ(**{CANCELLATION: made.cancellation}), lambda status, headers: None).close()
        assert made.ledger.primary().client_gone == 0
        assert re.search(r'" 503 - "-" "-" .* a=503:closing/\d', made.lines[0])

    def test_a_request_that_the_server_discards_goes_nowhere_and_is_counted_and_logged(self):
        made = self.gone(None)
        made.tee.discarded(environ())
        assert made.log == []
        primary = made.ledger.primary()
        assert (primary.client_gone, primary.answered, primary.refused_by_reason) == (1, 0, {})
        assert re.search(r'" 499 - "-" "-" .* refused:client_gone\n', made.lines[0])


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE"])
@pytest.mark.parametrize("own", [True, False])
def test_a_request_that_may_go_no_further_reaches_neither_a_nor_b(method, own):
    given = {RECEIVED_HEADERS: [("Max-Forwards", "0")]} if own else {"HTTP_MAX_FORWARDS": "0"}
    made = build()
    counted = LEDGER.primary()
    answer = call(made, REQUEST_METHOD=method, REQUEST_URI="http://h/a", **given)
    sent = f"{method} http://h/a HTTP/1.1\r\nMax-Forwards: 0\r\n\r\n".encode()
    assert (answer.status, answer.body) == ("200 OK", sent if method == "TRACE" else b"")
    assert made.log == ["headers", "body"]
    now = LEDGER.primary()
    assert now.refused_by_reason["max_forwards"] == counted.refused_by_reason.get("max_forwards", 0) + 1
    assert now.answered_by_status == counted.answered_by_status


@pytest.mark.parametrize(("method", "sent"), [("OPTIONS", "4"), ("TRACE", "4"), ("GET", "5"), ("options", "5")])
def test_max_forwards_is_one_less_for_options_and_trace_only(method, sent):
    made = build()
    call(made, REQUEST_METHOD=method, **{RECEIVED_HEADERS: [("Host", "h"), ("Max-Forwards", "5"), ("A", "1")]})
    assert made.primary.requests[0].headers == [("Host", "h"), ("Max-Forwards", sent), ("A", "1")]
    assert made.shadows[0].exchanges[0].request.headers == made.primary.requests[0].headers


def test_a_get_with_max_forwards_0_is_forwarded():
    made = build()
    assert call(made, **{RECEIVED_HEADERS: [("Max-Forwards", "0")]}).body == b"ok"
    assert ("Max-Forwards", "0") in made.primary.requests[0].headers


class TestABodyThatStreams:
    class Reading(ScriptedPrimary):
        """Reads the body before it answers."""

        def answer(self, request, cancellation=None, interim=None, timed=False):
            self.read = read_all(request.body)
            return super().answer(request)

    def tee(self, room, budget=None):
        made = build(shadows=2)
        made.tee.primary = self.Reading(made.log, made.primary.response)
        made.tee.budget = budget or Budget(100)
        for shadow in made.shadows:
            shadow.room = room
        return made

    def test_reaches_a_as_it_comes_and_the_bs_whole(self):
        made = self.tee(lambda request: 10)
        call(made, **{STREAMED_BODY: Scripted(b"ab", b"c")})
        assert made.tee.primary.read == [b"ab", b"c"]
        assert [shadow.exchanges[0].request.body for shadow in made.shadows] == [b"abc"] * 2
        assert made.tee.budget.held == 0

    @pytest.mark.parametrize("room", [lambda request: 2, lambda request: 1 // 0])
    def test_is_lost_to_the_bs_without_room_for_it_and_the_client_gets_its_answer(self, room):
        made = self.tee(room)
        assert call(made, **{STREAMED_BODY: Scripted(b"ab", b"c")}).status == "200 OK"
        assert [shadow.exchanges[0].withheld for shadow in made.shadows] == ["too_large"] * 2

    def test_that_breaks_a_rule_is_refused_and_makes_no_clone(self):
        made = self.tee(lambda request: 10)
        assert call(made, **{STREAMED_BODY: Scripted(b"ab", BadRequest("a chunk"))}).status == "400 Bad Request"
        assert [shadow.exchanges for shadow in made.shadows] == [[], []]
        assert made.tee.budget.held == 0
