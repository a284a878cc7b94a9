import os
import signal
import threading
from functools import partial

import pytest

from httptee.build import shadow_upstream
from httptee.recording import Kept
from httptee.replay.figures.progress import PlainProgress
from httptee.replay.replaying import replay as module
from httptee.replay.replaying.feed import Feed, Range
from httptee.replay.replaying.replay import Replay
from httptee.replay.replaying.schedule import Schedule
from httptee.replay.sending import Sending
from httptee.settings import load, shadow_settings
from tests.replay.made import Made, exchange
from tests.replay.replaying.test_preparing import preparing
from tests.support.backend import Backend, deterministic
from tests.support.net import free_port
from tests.support.scripted import ScriptedServer
from tests.support.scripts import response

FAST = Schedule(rate=2000.0)


class Judging:
    def __init__(self):
        self.results = {}

    def settled(self, planned, sent):
        assert planned.number == sent.number
        self.results[sent.number] = sent

    def turn(self):
        pass


def prepared(url, exchanges, schedule=FAST, pool=None, processes=1, judging=None, line="", timeout=5.0, chosen=None):
    text = f"{url} {line}".strip()
    (shadow,) = shadow_settings(load([f"--b={text}"], {}))
    feed = Feed(Made(exchanges), chosen or Range(), schedule, preparing(text))
    sending = Sending(partial(shadow_upstream, load([f"--b={text}"], {}), shadow), timeout, pool, schedule.closed)
    return Replay(feed, sending, processes, judging, PlainProgress(lambda text: None))


def replayed(url, exchanges, schedule=FAST, pool=None, processes=1, judging=None, line="", timeout=5.0, **chosen):
    replay = prepared(url, exchanges, schedule, pool, processes, judging, line, timeout, Range(**chosen))
    figures = replay.run()
    assert figures.adds_up
    return replay, figures


def requests(count, connections=8):
    """GETs and PUTs with bodies of every kind of byte, on several connections."""
    return [
        exchange(
            number, method="PUT" if number % 3 == 0 else "GET", target=f"/a%2Fb/{number}?q",
            connection=number % connections,
            body=bytes(range(256)) * (number % 5) if number % 3 == 0 else b"",
        )
        for number in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("pool", [None, 4])
@pytest.mark.parametrize("processes", [1, 2])
def test_every_request_arrives_once_with_its_body(pool, processes):
    made = requests(300)
    with Backend() as backend:
        _, figures = replayed(backend.url, made, pool=pool, processes=processes)
        assert backend.bodies() == {(one.method, one.target, one.body.data): 1 for one in made}
    assert (figures.sent, figures.statuses) == (300, {200: 300})
    assert figures.late.count == figures.from_due.count == figures.from_send.count == 300


def test_the_requests_of_a_connection_arrive_in_their_order_on_one_connection():
    with Backend() as backend:
        replayed(backend.url, requests(200, connections=3))
        numbers = {}
        for request in backend.requests:
            number = int(request.value("X-Httptee-Replay"))
            numbers.setdefault(number % 3, []).append(number)
        assert backend.connections == 3
    assert all(found == sorted(found) for found in numbers.values())


def test_a_closed_loop_uses_its_connections_and_no_more():
    with Backend() as backend:
        _, figures = replayed(backend.url, requests(300), schedule=Schedule(closed=True), pool=5)
        assert backend.connections <= 5
    assert figures.sent == 300
    assert figures.late.longest == 0.0


def test_an_answer_is_compared_with_the_recorded_one():
    judging = Judging()
    answers = ({"answer": b"ok"}, {"answer": b"OK"}, {"status": 0}, {"answer": Kept(b"", 2, b"x")})
    made = [exchange(number, **changed) for number, changed in enumerate(answers)]
    fields = [("Content-Type", "text/plain")]
    with Backend(lambda request: response(body=b"ok", headers=fields)) as backend:
        replayed(backend.url, made, judging=judging)
    same = [judging.results[number].equal for number in range(4)]
    assert same == [True, False, None, False]
    assert judging.results[0].answer is None  # an equal one only counts
    status, headers, body, length, digest = judging.results[1].answer
    assert (status, headers, body, length, digest) == (200, [*fields, ("Content-Length", "2")], b"ok", 2, b"")


@pytest.mark.parametrize("pool", [None, 3])
def test_requests_that_no_server_takes_have_failed_to_be_sent(pool):
    _, figures = replayed(f"http://127.0.0.1:{free_port()}", requests(50), pool=pool)
    assert figures.failed == {"connect": 50}
    assert figures.sent == 0


@pytest.mark.parametrize("pool", [None, 3])
def test_a_server_that_closes_after_each_answer_gets_every_request(pool):
    def closing(request):
        return response(body=b"ok", headers=[("Connection", "close")])

    with Backend(closing) as backend:
        _, figures = replayed(backend.url, requests(100), pool=pool)
        assert len(backend.requests) == 100
    assert figures.statuses == {200: 100}


def test_a_server_that_never_answers_is_given_up_in_time():
    with ScriptedServer(lambda connection: connection.request() and threading.Event().wait(3)) as server:
        _, figures = replayed(server.url, requests(4, connections=4), timeout=0.5)
    assert figures.unanswered == {"timeout": 4}
    assert figures.from_send.longest >= 0.5


def meanwhile(backend, act):
    """A thread that acts once the server has got a request."""

    def run():
        while not backend.requests:
            threading.Event().wait(0.01)
        act()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_an_interrupt_ends_it_with_all_accounts():
    made = [exchange(number, at=number * 1.0) for number in range(100)]
    with Backend(deterministic) as backend:
        replay = prepared(backend.url, made, Schedule())
        thread = meanwhile(backend, replay.interrupt)
        figures = replay.run()
        thread.join()
    assert figures.adds_up
    assert 0 < figures.sent < 10
    assert figures.unreached == 100 - figures.sent


def killed(made, processes, judging=None):
    """The figures of a replay of which one process is killed after the first request."""
    with Backend() as backend:
        replay = prepared(backend.url, made, Schedule(), processes=processes, judging=judging)
        thread = meanwhile(backend, lambda: os.kill(replay._processes[0].pid, signal.SIGKILL))
        figures = replay.run()
        thread.join()
        arrived = len(backend.requests)
    assert figures.adds_up
    assert figures.died == 1
    return figures, arrived


def test_what_a_killed_process_had_is_lost_and_not_sent_and_has_no_lateness():
    judging = Judging()
    figures, _ = killed([exchange(number, at=number * 0.2) for number in range(20)], 1, judging)
    assert figures.failed["lost"] > 0
    assert figures.late.count == figures.sent
    assert figures.from_due.count == figures.answered
    assert {one.waited for one in judging.results.values() if one.failure == "lost"} == {-1.0}


def test_where_one_of_two_processes_is_killed_the_other_one_sends_the_rest(monkeypatch):
    monkeypatch.setattr(module, "_AHEAD", 0.1)
    monkeypatch.setattr(module, "_UNSENT", 1000)  # so that it is soon full for a process that takes nothing
    made = [exchange(number, at=number * 0.05, connection=number % 2) for number in range(40)]
    figures, arrived = killed(made, 2)
    assert 0 < figures.failed["lost"] < 10
    assert figures.sent == 40 - figures.failed["lost"] <= arrived
    assert figures.unreached == 0


def test_where_all_processes_are_killed_the_rest_is_not_reached(monkeypatch):
    monkeypatch.setattr(module, "_AHEAD", 0.1)
    figures, _ = killed([exchange(number, at=number * 0.2) for number in range(20)], 1)
    assert figures.unreached > 10


def test_the_filters_of_the_line_and_a_limit_apply():
    with Backend() as backend:
        _, figures = replayed(backend.url, requests(100), line="methods=GET", limit=10)
        assert {request.method for request in backend.requests} == {"GET"}
    assert figures.sent == 10
    assert figures.filtered["filtered"] > 0
    assert figures.unreached > 0


def test_rounds_send_all_again():
    with Backend() as backend:
        _, figures = replayed(backend.url, requests(50), rounds=3)
        assert len(backend.requests) == 150
    assert figures.recorded == 150
