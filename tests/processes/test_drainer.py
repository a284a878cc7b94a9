"""The drainer of a tee with one process: a thread."""

import threading
from typing import ClassVar

import pytest

from httptee.processes import drainer as module
from httptee.processes.drainer import DrainerProcess
from tests.support.net import eventually


class Slow:
    """A drainer that goes on with what it does when it is told to end."""

    made: ClassVar[list] = []

    def __init__(self, made):
        self.began, self.may_end, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.made.append(self)

    def run(self, goes_on):
        self.began.set()
        eventually(lambda: not goes_on())
        assert self.may_end.wait(30)
        self.ended.set()


@pytest.fixture
def process(monkeypatch):
    monkeypatch.setattr(Slow, "made", [])
    monkeypatch.setattr(module, "Drainer", Slow)
    made = DrainerProcess(alone=True)
    yield made
    for each in Slow.made:
        each.may_end.set()
    made.stop()


def test_a_reload_does_not_wait_for_the_drainer_and_the_next_one_begins_behind_it(process):
    process.replace([lambda: None])
    process.start_thread()
    (first,) = Slow.made
    assert first.began.wait(30)
    process.replace([lambda: None])
    assert not first.ended.is_set()
    process.start_thread()
    process.start_thread()
    _, second = Slow.made
    assert not second.began.is_set()
    first.may_end.set()
    assert second.began.wait(30)
    assert first.ended.is_set()


def test_the_end_waits_for_the_last_words_of_the_drainer(process):
    process.replace([lambda: None])
    process.start_thread()
    (only,) = Slow.made
    assert only.began.wait(30)
    only.may_end.set()
    process.stop()
    assert only.ended.is_set()


def test_a_thread_that_cannot_be_started_is_tried_again(process, monkeypatch):
    process.replace([lambda: None])
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError))
        process.start_thread()
    process.start_thread()
    assert Slow.made[-1].began.wait(30)
