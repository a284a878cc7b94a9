"""What waits in the engine is looked at many times a second."""

import threading

import pytest

from httptee.journal.engines import Unavailable
from httptee.ledger import SpoolWords
from httptee.spool.engine import look as module
from httptee.spool.engine.look import Look, look_first, tell_all

from .engines import FakeEngine, Topic


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def looking(depth=0):
    topic, words, clock = Topic(), SpoolWords(), Clock()
    engine = FakeEngine(topic)
    engine.depth = lambda group: (topic.check(), found[0])[1]
    found = [depth]
    return topic, words, clock, Look(engine, words, clock), found


def test_while_anything_waits_in_the_engine_there_is_a_backlog():
    _, words, clock, look, found = looking(3)
    look.look()
    assert (words.backlog, words.remote, words.gauges()["depth"]) == (True, 3, 3)
    assert repr(look) == "<Look [3 in the engine]>"
    found[0] = 0
    look.look()  # too early
    assert words.backlog
    clock.now += 0.2
    look.look()
    assert not words.backlog


def test_what_waited_at_the_last_look_counts_while_the_engine_does_not_answer():
    topic, words, clock, look, found = looking(3)
    look.look()
    topic.down, found[0] = True, 0
    clock.now += 1
    look.look()
    assert (words.remote, words.gauges()["engine"]) == (3, 2)
    topic.down = False
    clock.now += 1
    look.look()
    assert (words.remote, words.gauges()["engine"]) == (0, 1)


def test_one_tee_has_all_let_the_clones_that_come_wait():
    topic, words, clock, look, _ = looking(2)
    look.look()
    assert not words.settling
    tell_all(FakeEngine(topic))
    clock.now += 1
    look.look()
    assert words.settling


def test_nobody_waits_for_what_was_said_before_the_start():
    topic, words, _, look, _ = looking(2)
    tell_all(FakeEngine(topic))
    look.look()
    assert not words.settling


@pytest.mark.parametrize("trouble", [Unavailable("down"), ValueError("no library"), None])
def test_at_the_start_an_engine_is_asked_and_not_waited_for(monkeypatch, trouble):
    words, asked = SpoolWords(), threading.Event()
    words.remote = 1

    def opened(address):
        asked.set()
        if trouble:
            raise trouble
        return FakeEngine(Topic())

    monkeypatch.setattr(module, "open_engine", opened)
    look_first("redis://h/t", words, 5.0)
    assert asked.is_set()
    assert words.remote == (1 if trouble else 0)


def test_an_engine_that_hangs_holds_up_the_start_for_a_moment_only(monkeypatch):
    words, over = SpoolWords(), threading.Event()
    words.remote = 1
    monkeypatch.setattr(module, "open_engine", lambda address: (over.wait(20), FakeEngine(Topic()))[1])
    look_first("redis://h/t", words, 0.01)
    assert words.remote == 1
    over.set()
