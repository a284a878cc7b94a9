import gc
import subprocess
import sys

import pytest

from httptee.server.memory.garbage import Garbage
from tests.support.clock import Clock

CODE = """
import gc, weakref
from httptee.server.memory import Heap

class Node:
    def __init__(self):
        self.me = self

before = weakref.ref(Node())
heap = Heap()
heap.begin()
looked = []
gc.callbacks.append(lambda phase, info: looked.append(info["generation"]))
old, young = weakref.ref(Node()), []
for _ in range(200_000):
    young.append([])  # as clones in a queue
print(before() is None, old() is None, 2 in looked, 0 in looked, gc.get_freeze_count() > 10_000)
"""


class Looks:
    """Looks at everything that take so many seconds."""

    def __init__(self, clock):
        self.clock, self.seconds, self.at = clock, 0.0, []

    def __call__(self):
        self.at.append(self.clock.now)
        self.clock.now += self.seconds


@pytest.fixture
def clock():
    return Clock(100.0)


@pytest.fixture
def looks(clock):
    return Looks(clock)


@pytest.fixture
def garbage(clock, looks, monkeypatch):
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *thresholds: None)
    return Garbage(looks, clock)


def ticks(garbage, clock, seconds):
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 1.0
        garbage.tick()


def test_a_process_of_another_program_is_left_alone(garbage, looks, clock):
    ticks(garbage, clock, 1000)
    assert not looks.at


def test_short_looks_are_seldom(garbage, looks, clock):
    garbage.begin()
    ticks(garbage, clock, 35)
    assert looks.at == [100, 110, 120, 130]


def test_long_looks_take_a_thousandth_of_the_time(garbage, looks, clock):
    garbage.begin()
    looks.seconds = 0.05
    ticks(garbage, clock, 1000)
    assert 17 <= len(looks.at) <= 21


def test_a_look_that_was_long_once_is_short_again_later(garbage, looks, clock):
    garbage.begin()
    looks.seconds = 0.05
    ticks(garbage, clock, 10)
    looks.seconds = 0.0
    ticks(garbage, clock, 90)
    later = [at - looks.at[1] for at in looks.at[2:]]
    assert len(later) == 5
    assert [50 <= at < 52 + 11 * place for place, at in enumerate(later)] == [True] * 5


def test_a_queue_that_grows_causes_no_look_at_everything():
    ran = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["True", "True", "False", "True", "True"]
