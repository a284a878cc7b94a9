"""How many new connections to a B may wait for their first answer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from httptee.shadow.openings import OPENING, Openings


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as executor:
        yield executor


def entered(threads, openings):
    """How many of eight threads may send at once."""
    together = Barrier(8)

    def enter():
        together.wait(30)
        may = openings.enter()
        together.wait(30)
        return may

    return sum(future.result() for future in [threads.submit(enter) for _ in range(8)])


@pytest.mark.parametrize(
    ("idle", "carries", "number"),
    [(False, True, OPENING), (True, True, 8), (False, False, 8)],
    ids=["kept connections are busy", "one is idle", "there are none"],
)
def test_few_may_open_a_connection_while_kept_ones_carry_clones(threads, idle, carries, number):
    openings = Openings(lambda: idle, lambda: carries)
    assert entered(threads, openings) == number


def test_a_thread_counts_once_and_until_it_leaves():
    openings = Openings(lambda: False, lambda: True)
    assert openings.enter()
    assert openings.enter()
    assert openings.allowed
    with ThreadPoolExecutor(1) as other:
        assert other.submit(openings.enter).result()
        assert not openings.allowed
        assert not ThreadPoolExecutor(1).submit(openings.enter).result()
        other.submit(openings.leave).result()
    assert openings.allowed
    openings.leave()
    openings.leave()
    assert openings.allowed


def test_a_thread_that_sends_on_an_idle_connection_does_not_count():
    idle = [True]
    openings = Openings(lambda: idle[0], lambda: True)
    with ThreadPoolExecutor(4) as threads:
        assert entered_one_by_one(threads, openings) == 4
        idle[0] = False
        assert openings.allowed


def entered_one_by_one(threads, openings):
    return sum(threads.submit(openings.enter).result() for _ in range(4))
