"""The supervisor's pieces; the whole of it is run in tests/integration/test_lifecycle.py."""

import errno
import logging
import os
import signal
import socket
import threading

import pytest

from httptee.build import build_ledger
from httptee.http.endpoint import Endpoint
from httptee.ledger.columns import WorkerLine
from httptee.processes import generation as module
from httptee.processes.generation import SIGNALS, Generation
from httptee.settings.settings import Settings
from tests.support.net import eventually

SETTINGS = Settings(processes=2, pin=False, a=Endpoint.parse("127.0.0.1:1"), drain_timeout=0.2)


@pytest.fixture
def generations(monkeypatch):
    """Generations whose workers do what the test says; none outlives the test."""
    made = []
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)

    def make(life=None):
        if life is not None:
            monkeypatch.setattr(module, "run_worker", life)
        made.append(Generation(SETTINGS, build_ledger(SETTINGS, 2), socket.create_server(("127.0.0.1", 0))))
        made[-1].start_due()
        return made[-1]

    yield make
    for one in made:
        one.retire()
        one.kill_overdue(at_once=True)
        eventually(lambda one=one: one.collect() or one.ended)
        one._listening.close()
    signal.sigtimedwait({signal.SIGCHLD}, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def hangs(*_, ready, **__):
    """A worker that serves and never ends."""
    ready()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        signal.pause()


def fails(*_, **__):
    """A worker that ends at once."""
    os._exit(3)


def pids(one):
    return [worker.pid for worker in one._workers]


def test_a_generation_is_ready_when_all_its_workers_serve(generations):
    one = generations()
    eventually(lambda: one.ready)
    assert repr(one) == "<Generation of 2 [running 2, ready 2]>"
    assert not one.lost_one


def test_a_retired_generation_ends_by_itself(generations):
    one = generations()
    eventually(lambda: one.ready)
    one.retire()
    eventually(lambda: one.collect() or one.ended)
    assert one.ledger.finished
    assert not one.accepting


def test_a_worker_that_fails_while_it_drains_is_named_with_its_end(generations, caplog):
    def fails_at_the_end(*_, ready, **__):
        signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
        ready()
        while True:
            signal.pause()

    one = generations(fails_at_the_end)
    eventually(lambda: one.ready)
    started = pids(one)
    one.retire()
    eventually(lambda: one.collect() or one.ended)
    assert sorted(record.getMessage() for record in caplog.records) == sorted(
        f"worker process {pid} ended with exit code 3 while it drained" for pid in started
    )


def test_a_worker_that_does_not_end_is_killed_after_the_drain_timeout(generations, monkeypatch):
    monkeypatch.setattr(module, "_LAST_WORDS", 0.0)
    one = generations(hangs)
    eventually(lambda: one.ready)
    one.retire()
    one.kill_overdue()
    one.collect()
    assert all(pids(one))
    assert one.next_event() > 0
    eventually(lambda: one.kill_overdue() or one.collect() or one.ended)


def test_a_worker_that_fails_again_and_again_is_started_later_and_later(generations):
    one = generations(fails)
    waits = []

    def collected():
        one.collect()
        if not any(pids(one)):
            waits.append(one._workers[0].wait)
            for worker in one._workers:
                worker.starts_at = 0.0
            one.start_due()
        return len(waits) >= 9

    eventually(collected)
    assert waits[:3] == [0.1, 0.2, 0.4]
    assert waits[-1] == 10.0
    assert one.lost_one


def test_a_worker_whose_supervisor_dies_right_after_the_fork_ends_without_serving(generations, monkeypatch):
    monkeypatch.setattr(os, "getppid", lambda: 1)
    reader, writer = os.pipe()
    one = generations(lambda *_, **__: os.write(writer, b"served"))
    one.retire()  # so that the worker is not started again
    eventually(lambda: one.collect() or one.ended)
    os.close(writer)
    assert os.read(reader, 1) == b""
    os.close(reader)


def no_process():
    """A system without a free process (fork(2))."""
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def test_a_fork_that_fails_is_a_worker_that_is_started_later(generations, monkeypatch, caplog):
    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", no_process)
        one = generations()
        assert pids(one) == [0, 0]
        assert one.lost_one
        assert [worker.wait for worker in one._workers] == [0.1, 0.1]
        one.start_due()
        assert [worker.wait for worker in one._workers] == [0.1, 0.1]
        assert 0 < one.next_event() <= 0.1
        for worker in one._workers:
            worker.starts_at = 0.0
        one.start_due()
        assert [worker.wait for worker in one._workers] == [0.2, 0.2]
    assert "cannot start a worker process: Resource temporarily unavailable; it is tried again" in caplog.text
    eventually(lambda: one.start_due() or one.ready)
    assert all(pids(one))


def test_a_worker_that_may_start_no_thread_ends_with_a_line_and_no_traceback(generations, monkeypatch, capfd):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    handler = logging.StreamHandler()
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(threading.Thread, "start", fail)
    try:
        one = generations()
        eventually(lambda: one.collect() or not any(pids(one)))
    finally:
        logging.getLogger().removeHandler(handler)
    assert not one.ready
    said = capfd.readouterr().err
    for row in (0, 1):
        assert said.count(f"worker process {row} ends: it may start no thread (ulimit -u, pids.max of the cgroup)") == 1
    assert "Traceback" not in said


def test_a_worker_closes_the_sockets_of_others(monkeypatch):
    one = Generation(SETTINGS, build_ledger(SETTINGS, 2), None, others=(socket.socket(), socket.socket()))
    monkeypatch.setattr(module, "run_worker", lambda *_, **__: None)
    one._serve(one._workers[0], lambda: True)
    assert [other.fileno() for other in one._others] == [-1, -1]


def test_the_tee_ends_without_a_worker_that_sigkill_does_not_end(generations, monkeypatch, caplog):
    one = generations(hangs)
    eventually(lambda: one.ready)
    one.ledger.worker(0).publish(connections=3)
    stuck = pids(one)
    with monkeypatch.context() as patched:
        patched.setattr(module, "UNENDING", 0.0)
        patched.setattr(module, "_LAST_WORDS", 0.0)
        patched.setattr(os, "waitpid", lambda *_: (0, 0))
        one.retire()
        assert not one.unending
        one.kill_overdue(at_once=True)
        assert one.unending
        one.leave()
    for pid in stuck:
        assert f"worker process {pid} does not end after SIGKILL" in caplog.text
        os.waitpid(pid, 0)
    assert one.ended
    assert not one.unending
    assert one.ledger.finished
    assert not one.ledger.worker(0)._cells[WorkerLine.GAUGES["connections"]]
