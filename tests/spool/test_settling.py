"""When clones wait for the last ones in the spool."""

import pytest

from httptee.ledger import SpoolWords
from httptee.spool.pace import PATIENCE, Settling


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class World:
    def __init__(self):
        self.clock, self.words = Clock(), SpoolWords()
        self.settling = Settling(self.words, self.clock)

    def look(self, after=1.0, rate=1000.0, *, well=True):
        """Look after some seconds. Whether clones are to wait from now on."""
        self.clock.now += after
        self.words.settle(0.0)
        self.settling.look(rate, well=well)
        return self.words.settling


@pytest.fixture
def world():
    return World()


def test_clones_wait_when_the_spool_is_soon_empty(world):
    world.words.put[3] = 1000
    assert not world.look()
    world.words.left[3] = 849
    assert not world.look()
    world.words.left[3] = 850
    assert world.look()


def test_they_do_not_wait_for_a_b_that_takes_nothing_or_with_an_empty_spool(world):
    assert not world.look()
    world.words.put[3] = 1
    assert not world.look(well=False)
    assert world.look()
    world.words.left[3] = 1
    assert not world.words.settling


def test_after_a_failure_it_is_tried_again_later_each_time(world):
    world.words.put[3] = 1
    assert world.look()
    rests = []
    for _ in range(7):
        rest = 0.1
        while not world.look(0.1):
            rest += 0.1
        rests.append(round(rest - PATIENCE))
    assert rests == [1, 2, 4, 8, 16, 30, 30]
    world.words.left[3] = 1
    world.look(100.0)
    world.words.put[3] = 2
    assert world.look()
    assert not world.look(1.0)
    assert world.look(1.0)


def test_one_clone_is_waited_for_at_any_rate(world):
    world.words.put[3] = 1
    assert world.look(rate=0.1)
