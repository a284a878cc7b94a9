"""Answers that nobody reads: what they may cost, and who reads them."""

from __future__ import annotations

import socket
import threading

import pytest

from httptee.errors import UpstreamProtocolError, UpstreamReset
from httptee.transport import pending
from httptee.transport.connection import RECEIVE_SIZE, Connection
from httptee.transport.names import Name
from httptee.transport.pending import FOR_CLONES, Pending, Unread
from httptee.transport.pool import Pool
from httptee.transport.pressure import Pressure, Reading
from httptee.transport.wire import Answer
from tests.support import scripts
from tests.support.net import eventually
from tests.support.scripted import ScriptedServer

from .answers import OK
from .exchange import send

CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Clock:
    """CPU time and wall time that a test sets."""

    def __init__(self, monkeypatch):
        self.cpu, self.now, self.each = 100.0, 100.0, 0.0
        monkeypatch.setattr(pending, "thread_time", self.thread_time)
        monkeypatch.setattr(pending, "perf_counter", lambda: self.now)

    def thread_time(self):
        self.cpu += self.each
        return self.cpu


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def answer():
    return Unread(Reading(pause=lambda seconds: None)).answer("GET")


@pytest.mark.parametrize(
    ("wire", "eof"),
    [
        (OK + b"Content-Length: 300000\r\n\r\n" + b"x" * 300_000, False),
        (CHUNKED + (b"c350\r\n" + b"x" * 50_000 + b"\r\n") * 6 + b"0\r\n\r\n", False),
        (OK + b"\r\n" + b"x" * 300_000, True),
    ],
    ids=["length", "chunks", "until the connection closes"],
)
@pytest.mark.parametrize("size", [777, 65_536])
def test_nothing_of_a_body_is_kept_and_its_end_is_found(wire, eof, size):
    read, kept = answer(), Answer("GET")
    for at in range(0, len(wire), size):
        for one in (read, kept):
            one.feed(wire[at : at + size])
        assert read._body == []
        assert read.take() == b""
    if eof:
        read.eof()
        kept.eof()
    assert (read.complete, read.keep_alive, read.cut_off) == (kept.complete, kept.keep_alive, False)
    assert len(kept.take()) == 300_000


@pytest.mark.parametrize(
    "wire",
    [
        OK + b"a:\r\n" * (FOR_CLONES.fields + 1) + b"\r\n",
        OK + b"a: " + b"x" * FOR_CLONES.head,
        CHUNKED + b"1\r\na\r\n" * 6_000,
        CHUNKED + b"1;" + b"x" * FOR_CLONES.chunks.overhead,
        CHUNKED + b"0\r\n" + b"a: b\r\n" * 3_000,
    ],
    ids=["many fields", "a wide field", "one-byte chunks", "an extension", "trailers"],
)
def test_framing_that_a_client_may_still_get_is_refused_for_a_clone(wire):
    Answer("GET").feed(wire)
    with pytest.raises(UpstreamProtocolError):
        answer().feed(wire)


def test_common_answers_are_within_the_limits_of_a_clone():
    read = answer()
    read.feed(OK + b"Name: value\r\n" * 255 + b"Transfer-Encoding: chunked\r\n\r\n")
    for _ in range(4_000):  # an event stream: short chunks for hours
        read.feed(b"9\r\ndata: 0\n\n\r\n")
    read.feed(b"0\r\n\r\n")
    assert read.keep_alive


def test_of_the_fields_only_those_are_read_that_say_where_it_ends():
    read, kept = answer(), Answer("GET")
    head = OK + b"A: b\r\ncontent-LENGTH:  2 \r\nX-Content-Length: 9\r\nKeep-Alive: timeout=5\r\nConnection:x\r\n\r\nok"
    for one in (read, kept):
        one.feed(head)
    assert read.headers == [("content-LENGTH", "2"), ("Keep-Alive", "timeout=5"), ("Connection", "x")]
    assert (read.complete, read.keep_alive, read.idle_limit) == (kept.complete, kept.keep_alive, kept.idle_limit)


class TestCutOff:
    def test_a_body_of_too_many_bytes(self, clock):
        read, piece = answer(), b"x" * 1_000_000
        read.feed(OK + b"Content-Length: 900000000\r\n\r\n")
        while not read.complete:
            read.feed(piece)
        assert (read.status, read.cut_off, read.keep_alive) == (200, True, False)
        assert pending.MOST_BYTES <= read.spent.size < pending.MOST_BYTES + 2 * len(piece)

    def test_a_body_that_costs_too_much_time(self, clock):
        read = answer()
        read.feed(CHUNKED)
        clock.each = pending.MOST_CPU / 4
        for _ in range(3):
            read.feed(b"2000\r\n" + b"x" * 8192 + b"\r\n")
        assert not read.complete
        read.feed(b"2000\r\n" + b"x" * 8192 + b"\r\n")
        assert (read.complete, read.cut_off, read.keep_alive) == (True, True, False)

    @pytest.mark.parametrize(("keep", "whole"), [(0, True), (1000, False)])
    def test_a_body_that_is_kept_costs_what_its_digest_does(self, clock, keep, whole):
        read = Unread(Reading(pause=lambda seconds: None)).answer("GET", keep)
        read.feed(OK + b"Content-Length: 100000\r\n\r\n")
        clock.each = pending.MOST_CPU / 4
        for _ in range(10):
            read.feed(b"x" * 10_000)
        assert (read.complete, read.cut_off) == (True, not whole)

    def test_a_body_in_too_many_small_pieces(self, clock):
        """Each read costs time of the process, which is too little to measure."""
        read = answer()
        read.feed(CHUNKED)
        reads = 0
        while not read.complete:
            read.feed(b"9\r\ndata: 0\n\n\r\n")
            reads += 1
        assert read.cut_off
        assert 1_000 < reads < 10_000

    def test_a_body_is_never_cut_off_because_it_comes_packet_by_packet(self, clock):
        read, packets = answer(), pending.MOST_BYTES // 1_448
        read.feed(OK + b"Content-Length: 900000000\r\n\r\n")
        for _ in range(packets):
            read.feed(b"x" * 1_448)
        assert not read.cut_off

    def test_a_stream_may_cost_more_with_time(self, clock):
        read = answer()
        read.feed(CHUNKED)
        for _ in range(100_000):
            clock.now += 0.1
            read.feed(b"9\r\ndata: 0\n\n\r\n")
        assert not read.complete

    def test_the_head_too(self, clock):
        read = answer()
        clock.each = 1.0
        with pytest.raises(UpstreamProtocolError):
            read.feed(OK + b"a: " + b"x" * 20_000)

    def test_an_answer_that_ends_in_time_is_whole(self, clock):
        read = answer()
        clock.each = 1.0
        read.feed(OK + b"Content-Length: 20000\r\n\r\n" + b"x" * 20_000)
        assert (read.complete, read.cut_off, read.keep_alive) == (True, False, True)

    def test_its_connection_is_closed(self, adapter_for_clones, monkeypatch):
        monkeypatch.setattr(pending, "MOST_BYTES", 1_000_000)
        with ScriptedServer(scripts.endless(b"x" * 1_000)) as server:
            raw = send(adapter_for_clones, server).raw
            assert raw.read() == b""
            assert raw.answer.cut_off
            eventually(lambda: not server.open_connections)


@pytest.fixture
def adapter_for_clones(adapter):
    made = type(adapter)(reading=Reading())
    yield made
    made.close()


def test_one_thread_at_a_time_reads_long_answers():
    parsing, entered, reading = threading.Event(), threading.Event(), Reading()

    class Watched(Answer):
        def _feed_head(self, data):
            entered.set()
            assert parsing.wait(30)
            return super()._feed_head(data)

    long = OK + b"a: " + b"x" * 9_000 + b"\r\nContent-Length: 0\r\n\r\n"
    unread = Unread(reading)
    answers = [Watched("GET", FOR_CLONES, unread) for _ in range(2)]
    threads = [threading.Thread(target=one.feed, args=(long,)) for one in answers]
    threads[0].start()
    assert entered.wait(30)
    entered.clear()
    threads[1].start()
    assert not entered.wait(0.05)
    parsing.set()
    for thread in threads:
        thread.join()
    assert all(one.complete for one in answers)


class TestPauses:
    @pytest.fixture
    def pauses(self):
        return []

    def test_after_a_millisecond_of_reading_the_gil_is_free(self, pauses):
        reading = Reading(Pressure(), pauses.append)
        for _ in range(7):
            reading.spend(0.0004)
        assert pauses == [0.0, 0.0]

    def test_where_the_process_is_short_of_time_it_lasts_as_long_as_the_reading(self, pauses):
        pressure = Pressure()
        reading = Reading(pressure, pauses.append)
        for _ in range(100):
            pressure.record(0.01)
        reading.spend(0.0005)
        reading.spend(0.0025)
        assert pauses == [pytest.approx(0.003)]

    def test_a_failed_exchange_counts_as_a_reader_does(self, pauses):
        reading = Reading(pause=pauses.append)
        reading.charge(0.0002)
        assert pauses == []
        reading.charge(0.0002)
        assert pauses == [0.0]
        assert reading.lock.acquire(False)

    def test_a_rest_is_only_where_the_process_is_short_of_time_and_without_the_lock(self, pauses):
        pressure = Pressure()
        reading = Reading(pressure, lambda seconds: pauses.append((seconds, reading.lock.locked())))
        reading.rest(0.001)
        assert pauses == []
        for _ in range(100):
            pressure.record(0.01)
        reading.rest(0.001)
        assert pauses == [(pytest.approx(0.004), False)]

    def test_what_is_refused_is_counted_as_well(self, pauses, clock):
        clock.each = 0.002
        with pytest.raises(UpstreamProtocolError):
            Unread(Reading(pause=pauses.append)).answer("GET").feed(b"x" * 20_000)
        assert pauses == [0.0]


def test_a_kept_body_that_arrives_byte_by_byte_is_not_put_together_for_each_byte(monkeypatch):
    class Dripping:
        received, arrival = 0, None

        def receive_now(self, answer):
            answer.feed(next(pieces))

    pieces = iter([OK + b"Content-Length: 9\r\n\r\n", b"a", b"b", b"c"])
    kept = Unread(Reading()).answer("GET", 100)
    waiting = Pending(kept, b"", Dripping(), None)
    waiting.started = True
    monkeypatch.setattr(Answer, "take", lambda self: pytest.fail("the whole body was joined"))
    assert [waiting.advance() for _ in range(4)] == [False] * 4
    assert kept.kept.content == b"abc"


class TestDiscarding:
    """What the kernel discards, on a real connection."""

    LENGTH = 3_000_000

    @pytest.fixture
    def pair(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = Connection(socket.create_connection(listener.getsockname()))
            theirs = listener.accept()[0]
        yield ours, theirs
        ours.close()
        theirs.close()

    @pytest.fixture
    def read(self, pair, monkeypatch):
        """Sends these bytes as an answer, closes if asked to, and lets a `Pending` read to the end."""
        ours, theirs = pair
        pool = Pool("x", Name("127.0.0.1", 1, 30.0), max_idle=9, keep_alive=9.0)
        parsed = []
        parse = Answer.parse
        monkeypatch.setattr(Answer, "parse", lambda self, data: (parsed.append(len(data)), parse(self, data))[1])

        def run(wire, keep=0, close=False):
            def send():
                theirs.sendall(wire)
                if close:
                    theirs.close()

            waiting = Pending(Unread(Reading()).answer("GET", keep), b"GET / HTTP/1.1\r\n\r\n", ours, pool)
            waiting.start()
            sender = threading.Thread(target=send)
            sender.start()
            try:
                eventually(waiting.advance)
            finally:
                sender.join()
            return waiting.answer, pool, sum(parsed)

        yield run
        pool.close()

    def test_only_the_beginning_of_a_long_body_is_read(self, read):
        answer, pool, parsed = read(OK + b"Content-Length: %d\r\n\r\n" % self.LENGTH + b"x" * self.LENGTH)
        assert (answer.complete, answer.keep_alive, len(pool.idle)) == (True, True, 1)
        assert parsed <= 2 * RECEIVE_SIZE
        assert answer.spent.size >= self.LENGTH
        assert pool.acquire() is not None  # all bytes are accounted for

    def test_a_body_that_is_kept_is_read(self, read):
        answer, _, parsed = read(OK + b"Content-Length: %d\r\n\r\n" % self.LENGTH + b"x" * self.LENGTH, keep=10)
        assert answer.complete
        assert parsed > self.LENGTH

    def test_bytes_behind_a_body_end_the_connection(self, read):
        answer, pool, _ = read(OK + b"Content-Length: 200000\r\n\r\n" + b"x" * 200_007)
        assert (answer.complete, answer.keep_alive, len(pool.idle)) == (True, False, 0)

    def test_a_body_that_breaks_off_is_a_reset(self, read):
        with pytest.raises(UpstreamReset):
            read(OK + b"Content-Length: 200001\r\n\r\n" + b"x" * 200_000, close=True)
