import hashlib
import os
import tempfile
from dataclasses import replace

import pytest

from httptee.errors import UpstreamReset
from httptee.http import CONNECTION, FileBody, Request, Response, no_answer, tee_answer
from httptee.http.uploads import StreamedBody
from httptee.ledger import Ledger
from httptee.recording import recorder as module
from httptee.recording.exchange import decode
from httptee.recording.record import RecordMaker
from httptee.recording.recorder import Recorder
from tests.http.uploads.sources import Scripted, read_all

ENVIRON = {CONNECTION: (3, 4)}
LARGE = bytes(5000)


class Waiting(list):
    put = list.append

    put_row = list.append

    def close(self, timeout):
        self.closed = timeout


def values(waiting):
    """Of a row: the place, the time to the answer, the target, the status and the error."""
    found = decode(waiting)
    assert found.arrived > 0
    return (found.connection, found.place), found.first_byte, found.target, found.status, found.error


def request(body=b""):
    return Request("GET", "/x", [("Host", "a")], body, "192.0.2.1", "http")


class World:
    def __init__(self, refuses=None, most_body=10_000, most=100_000, outlet=None):
        self.ledger = Ledger([])
        self.account = self.ledger.recording.account(0)
        self.queue = Waiting()
        self.recorder = Recorder(self.account, self.queue, refuses, most_body, most, outlet=outlet)

    def follow(self, response, asked=None, environ=ENVIRON):
        asked = asked or request()
        return self.recorder.follow(self.recorder.begin(asked), asked, response, environ)

    @property
    def reasons(self):
        return self.ledger.recorded().not_recorded_by_reason


def streamed(pieces, fields=(), fails=None):
    def body():
        yield from pieces
        if fails:
            raise fails

    return Response(200, "OK", list(fields), body())


def test_a_whole_answer_goes_to_the_client_as_it_is_and_waits_at_once():
    world = World()
    response = Response(200, "OK", [], b"hello")
    assert world.follow(response) is response
    (waiting,) = world.queue
    place, now, target, status, error = values(waiting)
    assert (place, target, status, error) == ((3, 4), "/x", 200, "")
    assert now >= 0
    assert world.ledger.recorded().seen == world.ledger.recorded().waiting == 1


def test_what_is_no_small_exchange_waits_as_it_is():
    world = World(most_body=10)
    world.follow(Response(200, "OK", [], b"hello"))
    world.follow(Response(200, "OK", [], b"over the limit"))
    world.follow(Response(200, "OK", [("X", "x" * 5000)], b"hello"))
    assert isinstance(world.queue[0], bytes)
    assert [pending.response.body for pending in world.queue[1:]] == [b"over the limit", b"hello"]


def test_what_cannot_be_recorded_is_counted():
    world = World()
    response = Response(200, "OK", [object()], b"")
    assert world.follow(response) is response
    assert (world.reasons, world.ledger.recorded().seen) == ({"unreadable": 1}, 1)


def test_where_the_clock_was_set_back_no_time_is_negative(monkeypatch):
    world = World()
    times = iter([2000, 1000])
    monkeypatch.setattr(module, "time_ns", lambda: next(times))
    world.follow(Response(200, "OK", [], b""))
    assert values(world.queue[0])[1] == 0


def test_a_request_that_is_refused_is_counted_with_its_reason():
    world = World(refuses=lambda request: "sampled_out")
    assert world.recorder.begin(request()) == 0
    assert world.reasons == {"sampled_out": 1}
    assert world.ledger.recorded().seen == 1


def test_a_request_is_seen_before_a_is_asked():
    world = World()
    world.recorder.begin(request())
    assert (world.ledger.recorded().seen, world.ledger.recorded().waiting) == (1, 1)
    world.ledger.settle_lost(0)  # the process was killed while A was asked
    assert world.reasons == {"lost": 1}


@pytest.mark.parametrize("reason", ["unread", "unanswered"])
def test_a_request_that_cannot_be_followed_is_counted_with_its_reason(reason):
    world = World()
    world.recorder.begin(request())
    getattr(world.recorder, reason)()
    assert (world.ledger.recorded().seen, world.reasons) == (1, {reason: 1})


def test_small_exchanges_over_their_number_are_not_recorded():
    world = World()
    world.queue.extend([None] * 4096)
    world.follow(Response(200, "OK", [], b""))
    assert (len(world.queue), world.reasons) == (4096, {"queue_full": 1})


def test_large_exchanges_over_their_bytes_are_not_recorded_and_still_answered():
    world = World(most=8000)
    for _ in range(2):
        response = Response(200, "OK", [], LARGE)
        assert world.follow(response) is response
    assert (len(world.queue), world.reasons) == (1, {"queue_full": 1})


def test_long_heads_count_as_bytes_too():
    world = World(most=20_000)
    long = Request("GET", "/x", [("Cookie", "c" * 6000)], b"", "192.0.2.1", "http")
    for _ in range(2):
        world.follow(Response(200, "OK", [("Set-Cookie", "s" * 6000)], b""), long)
    assert (len(world.queue), world.reasons) == (1, {"queue_full": 1})


def test_an_answer_that_streams_waits_once_it_has_ended():
    world = World()
    answer = world.follow(streamed([b"one", b"two"]))
    assert list(answer.body) == [b"one", b"two"]
    assert not world.queue
    answer.close()
    answer.close()
    (pending,) = world.queue
    assert pending.pieces.content == b"onetwo"
    assert pending.ended >= pending.first_byte >= 0


def test_a_long_answer_that_streams_is_kept_by_its_length_and_digest():
    world = World(most_body=4)
    answer = world.follow(streamed([b"one", b"two"]))
    list(answer.body)
    answer.close()
    pieces = world.queue[0].pieces
    assert (pieces.content, pieces.length, pieces.digest) == (None, 6, hashlib.sha256(b"onetwo").digest())


def test_a_stream_without_room_is_recorded_by_its_length_and_digest():
    world = World(most_body=1_000_000, most=100_000)
    answer = world.follow(streamed([bytes(50_000)] * 4))
    list(answer.body)
    answer.close()
    pieces = world.queue[0].pieces
    assert (pieces.content, pieces.length) == (None, 200_000)
    assert world.account.held <= 100_000


def test_an_answer_that_breaks_off_says_why():
    world = World()
    answer = world.follow(streamed([b"one"], fails=UpstreamReset("gone")))
    with pytest.raises(UpstreamReset):
        list(answer.body)
    answer.close()
    assert (world.queue[0].error, world.queue[0].ended) == ("primary_reset", -1)


def test_an_answer_whose_client_has_gone_says_so():
    world = World()
    answer = world.follow(streamed([b"one", b"two"]))
    next(iter(answer.body))
    answer.close()
    assert (world.queue[0].error, world.queue[0].ended) == ("client_gone", -1)


@pytest.mark.parametrize(
    ("answer", "error"),
    [(tee_answer(UpstreamReset("x"), "primary_reset"), "primary_reset"), (no_answer(), "client_gone")],
)
def test_a_request_without_an_answer_of_a_says_why(answer, error):
    world = World()
    world.follow(answer)
    assert values(world.queue[0])[4] == error


def test_the_body_of_a_request_in_a_file_can_be_read_once_the_request_is_closed():
    world = World()
    with tempfile.TemporaryFile() as file:
        file.write(b"--hello")
        file.flush()
        file.seek(2)
        world.follow(Response(200, "OK", [], b""), request(FileBody(file, 5)))
    descriptor, start, length = world.queue[0].file
    assert os.pread(descriptor, length, start) == b"hello"
    world.queue[0].release()
    world.queue[0].release()


def test_under_another_server_a_connection_is_known_by_its_port():
    world = World()
    for port in ("1", "2", "1"):
        world.follow(Response(200, "OK", [], b""), environ={"REMOTE_ADDR": "a", "REMOTE_PORT": port})
    assert [values(waiting)[0] for waiting in world.queue] == [(1, 1), (2, 1), (1, 2)]


def test_without_a_port_each_request_has_a_connection_of_its_own():
    world = World()
    for _ in range(2):
        world.follow(Response(200, "OK", [], b""), environ={})
    assert [values(waiting)[0] for waiting in world.queue] == [(1, 1), (2, 1)]


def test_an_error_never_reaches_the_client():
    def fails(request):
        raise OSError("no")

    world = World(refuses=fails)
    assert world.recorder.begin(request()) == 0
    world = World()
    world.queue.put_row = fails
    response = Response(200, "OK", [], b"")
    assert world.follow(response) is response


@pytest.mark.parametrize("value", ["\u20ac", "a\nb"])
def test_a_head_that_is_no_lines_of_latin_1_is_recorded_too(value):
    world = World(outlet=Handed())
    response = Response(200, "OK", [("X", value)], b"hello")
    assert world.follow(response) is response
    (waiting,) = world.queue
    record = decode(RecordMaker(None, 1000).record(waiting))
    assert (record.answer_headers, record.answer_body.data) == ((("X", value),), b"hello")
    assert (world.recorder._outlet, world.reasons) == ([], {})


class Handed(list):
    flushed = 0

    put = list.append

    def flush(self):
        self.flushed += 1


def test_with_an_outlet_small_exchanges_go_there_and_large_ones_wait():
    world = World(outlet=Handed())
    response = Response(200, "OK", [], b"hello")
    assert world.follow(response) is response
    world.follow(Response(200, "OK", [], LARGE))
    (handed,) = world.recorder._outlet
    assert values(handed)[0] == (3, 4)
    assert [pending.response.body for pending in world.queue] == [LARGE]
    world.recorder.tick()
    world.recorder.close(1.0)
    assert world.recorder._outlet.flushed == 2


def test_closing_it_closes_its_queue():
    world = World()
    world.recorder.close(2.0)
    assert world.queue.closed == 2.0


def test_a_request_whose_body_streamed_and_was_not_kept_counts_without_it():
    world = World(most_body=100)
    body = StreamedBody(Scripted(bytes(5000), length=5000))
    read_all(body)
    body.finish()
    world.follow(tee_answer(UpstreamReset()), asked=request(body))
    (pending,) = world.queue
    assert pending.size < 5000


def test_bytes_that_were_kept_for_a_b_count_whole():
    world = World(most_body=100)
    world.follow(Response(200, "OK", [], b"ok"), asked=request(bytes(5000)))
    assert world.queue[0].size > 5000


def test_a_request_that_asks_to_upgrade_is_not_recorded():
    world = World()
    assert world.recorder.begin(replace(request(), upgrade=("websocket",))) == 0
    assert world.reasons == {"filtered": 1}


class Added(list):
    put = list.append


def test_for_another_process_an_exchange_with_a_head_of_a_is_handed_over_in_parts():
    added = Added()
    world = World(outlet=added)
    asked = request()
    asked.shared_head.append(b"GET /x HTTP/1.1\r\n\r\n")
    world.follow(Response(200, "OK", [("X", "y")], b"hello", head=b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"), asked)
    ((arrived, now, place, *rest),) = added
    assert (place, arrived > 0, now >= 0) == ((3, 4), True, True)
    head = b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
    assert rest == [200, "192.0.2.1", head, b"GET /x HTTP/1.1\r\n\r\n", b"", b"hello"]


def test_for_another_process_one_without_is_handed_over_as_a_row():
    added = Added()
    world = World(outlet=added)
    world.follow(Response(200, "OK", [("X", "y")], b"hello"))
    world.follow(tee_answer(UpstreamReset("x"), "primary_reset"))
    assert [values(row)[3:] for row in added] == [(200, ""), (0, "primary_reset")]
