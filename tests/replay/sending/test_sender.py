"""What a sender calls late, with a clock that the test moves and connections that it opens."""

import os
import socket
from types import SimpleNamespace

import pytest

from httptee.errors import UpstreamTimeout
from httptee.replay.sending.item import START, Channel, Item, Sent
from httptee.replay.sending.lanes import PooledLanes, RecordedLanes
from httptee.replay.sending.sender import Sender

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CLOSING = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


class Opener:
    """Keeps the lanes that want a connection."""

    def __init__(self):
        self.wanted = []
        self.wake = os.eventfd(0)

    def open(self, lane):
        self.wanted.append(lane)

    def close(self):
        os.close(self.wake)


class Sending:
    """A sender of requests that are due at these seconds, all on one connection of the recording."""

    def __init__(self, lanes, *due, closed=False):
        ours, theirs = socket.socketpair()
        self.now = 100.0
        self._ours, self.opener = Channel(ours), Opener()
        self.sender = Sender(Channel(theirs), lanes, self.opener, 5.0, closed, lambda: self.now)
        for number, at in enumerate(due):
            self._ours.put(tuple(Item(number, at, 1, "GET", b"GET / HTTP/1.1\r\n\r\n", None)))
        self._ours.put((START, 100.0))
        self._ours.flush()
        self.sender._channel.receive()
        self.sender._take_messages()
        self.servers = []

    def at(self, seconds):
        """Have it do what is due at this time."""
        self.now = 100.0 + seconds
        self.sender._send_due()

    def opened(self):
        """The connection that is wanted longest is open."""
        ours, theirs = socket.socketpair()
        self.servers.append(theirs)
        self.sender._opened(self.opener.wanted.pop(0), SimpleNamespace(sock=ours))

    def answered(self, data=OK, server=0):
        """The server answers, or closes."""
        if data:
            self.servers[server].send(data)
        else:
            self.servers[server].close()
        for descriptor, events in self.sender._epoll.poll(0):
            self.sender._on_event(descriptor, events)

    def sent(self):
        """The results so far."""
        self.sender._results.flush(self.now + 60)
        self._ours.receive()
        return [Sent(*fields) for message in self._ours.messages() for fields in message]

    def results(self):
        """Lateness and wait of each request, by number."""
        return {one.number: (pytest.approx(one.late), pytest.approx(one.waited)) for one in self.sent()}

    def close(self):
        for lane in list(self.sender._by_descriptor.values()):
            lane.close()
        for one in (*self.servers, self._ours, self.sender._channel, self.sender._epoll, self.opener):
            one.close()


@pytest.fixture
def make():
    made = []

    def sending(*words, **more):
        made.append(Sending(*words, **more))
        return made[-1]

    yield sending
    for one in made:
        one.close()


def test_the_time_in_which_a_connection_is_opened_is_late(make):
    sending = make(RecordedLanes(), 0.0)
    sending.at(0.0)
    sending.now += 0.7  # a slow handshake, or no thread was free for it
    sending.opened()
    sending.answered()
    assert sending.results() == {0: (0.7, 0.7)}


def test_to_take_a_request_up_late_is_late(make):
    sending = make(RecordedLanes(), 0.0)
    sending.opened()
    sending.at(0.3)
    sending.answered()
    assert sending.results() == {0: (0.3, 0.3)}


def test_the_answer_before_it_on_a_connection_of_the_recording_does_not_make_a_request_late(make):
    sending = make(RecordedLanes(), 0.0, 0.1, 2.0)
    sending.opened()
    sending.at(0.0)
    sending.at(0.1)
    sending.now += 1.0
    sending.answered()
    sending.answered()
    sending.at(2.5)
    sending.answered()
    assert sending.results() == {0: (0.0, 0.0), 1: (0.0, 1.0), 2: (0.5, 0.5)}


def test_after_that_answer_a_new_connection_makes_it_late(make):
    sending = make(RecordedLanes(), 0.0, 0.1)
    sending.opened()
    sending.at(0.0)
    sending.at(0.1)
    sending.now += 1.0
    sending.answered(CLOSING)
    sending.now += 0.4
    sending.opened()
    sending.answered(server=1)
    assert sending.results() == {0: (0.0, 0.0), 1: (0.4, 1.4)}


def test_to_wait_for_a_connection_of_a_full_pool_is_late(make):
    sending = make(PooledLanes(1), 0.0, 0.1)
    sending.opened()
    sending.at(0.0)
    sending.at(0.1)
    sending.now += 1.0
    sending.answered()
    sending.answered()
    assert sending.results() == {0: (0.0, 0.0), 1: (1.0, 1.0)}


def test_a_request_that_is_sent_again_was_late_once(make):
    sending = make(RecordedLanes(), 0.0, 2.0)
    sending.opened()
    sending.at(0.0)
    sending.answered()
    sending.at(2.25)
    sending.answered(b"")  # it had closed the idle connection
    sending.now += 3.0
    sending.opened()
    sending.answered(server=1)
    assert sending.results()[1] == (0.25, 3.25)


def test_what_is_never_sent_is_not_late(make):
    sending = make(RecordedLanes(), 0.0)
    sending.at(0.0)
    sending.now += 5.0
    sending.sender._opened(sending.opener.wanted.pop(0), UpstreamTimeout("no answer"))
    assert sending.results() == {0: (0.0, -1.0)}


@pytest.mark.parametrize(("waited", "reason"), [(3.0, "interrupted"), (6.0, "timeout")])
def test_what_has_no_answer_yet_when_it_is_stopped_is_no_timeout_of_the_server(make, waited, reason):
    sending = make(RecordedLanes(), 0.0)
    sending.opened()
    sending.at(0.0)
    sending.now += waited - 2.5
    sending.sender._stop()
    sending.now += 2.5
    sending.sender._house_keeping()
    (found,) = sending.sent()
    assert (found.failure, found.waited) == (reason, 0.0)


def test_in_a_closed_loop_nothing_is_late(make):
    sending = make(PooledLanes(1), 0.0, 0.0, closed=True)
    sending.opened()
    sending.at(0.0)
    sending.now += 1.0
    sending.answered()
    sending.at(1.0)
    sending.answered()
    assert sending.results() == {0: (0.0, 0.0), 1: (0.0, 0.0)}
