"""The drainer of a tee with one process: a thread."""

import threading
from typing import ClassVar

import pytest

from httptee.processes import drainer as module
from httptee.processes.drainer import DrainerProcess, drain_all
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


def begun(number):
    """Wait until so many have begun; the last one."""
    eventually(lambda: len(Slow.made) == number and Slow.made[-1].began.is_set())
    return Slow.made[-1]


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
    first = begun(1)
    process.replace([lambda: None])
    assert not first.ended.is_set()
    process.start_thread()
    process.start_thread()
    assert Slow.made == [first]
    first.may_end.set()
    begun(2)
    assert first.ended.is_set()


def test_the_end_waits_for_the_last_words_of_the_drainer(process):
    process.replace([lambda: None])
    process.start_thread()
    only = begun(1)
    only.may_end.set()
    process.stop()
    assert only.ended.is_set()


def test_a_thread_that_cannot_be_started_is_tried_again(process, monkeypatch):
    process.replace([lambda: None])
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", lambda thread: (_ for _ in ()).throw(RuntimeError))
        process.start_thread()
    process.start_thread()
    begun(1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_b_that_is_held_up_holds_up_no_other_and_one_that_fails_ends_all(monkeypatch, order):
    reached, ended = threading.Event(), threading.Event()

    class OneB:
        def __init__(self, made):
            (self.run,) = made

    def waits_for_its_disk(goes_on):
        assert reached.wait(30)
        eventually(lambda: not goes_on())
        ended.set()

    def fails(goes_on):
        reached.set()
        raise ValueError("a mistake")

    monkeypatch.setattr(module, "Drainer", OneB)
    both = (waits_for_its_disk, fails)
    with pytest.raises(ValueError, match="a mistake"):
        drain_all([both[each] for each in order], lambda: True)
    assert ended.is_set()
