"""Which pairs are compared: a rate, rare routes first, and less if the judge cannot follow."""

from random import Random

import pytest

from httptee.verdict.pairs.choosing import RARE, Chooser


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def choices(chooser, clock, each_second, seconds, seen):
    """The number of pairs chosen in each second."""
    found = []
    for _ in range(seconds):
        found.append(sum(chooser.chooses(seen) for _ in range(each_second)))
        clock.now += 1.0
    return found


@pytest.fixture
def clock():
    return Clock()


def test_every_pair_is_chosen_while_there_are_few(clock):
    chooser = Chooser(100, Random(1), clock)
    assert choices(chooser, clock, 50, 5, RARE) == [50] * 5


def test_no_second_has_more_than_the_rate(clock):
    chooser = Chooser(100, Random(1), clock)
    assert choices(chooser, clock, 5000, 1, 0) == [100]
    assert max(choices(chooser, clock, 5000, 20, RARE)) <= 100


def test_a_common_route_leaves_half_of_the_rate_to_rare_ones(clock):
    chooser = Chooser(100, Random(1), clock)
    choices(chooser, clock, 5000, 2, RARE)
    later = choices(chooser, clock, 5000, 20, RARE)
    assert 40 <= sum(later) / 20 <= 60
    common = sum(chooser.chooses(RARE) for _ in range(4990))
    rare = sum(chooser.chooses(0) for _ in range(10))
    assert rare == 10
    assert common < 90


def test_the_rate_is_halved_each_second_in_which_unequal_pairs_were_lost_and_grows_again(clock):
    chooser = Chooser(100, Random(1), clock)
    found = []
    for _ in range(3):
        chooser.lost()
        clock.now += 1.0
        found.append(sum(chooser.chooses(0) for _ in range(1000)))
    assert found == [50, 25, 13]
    clock.now += 1.0
    recovering = choices(chooser, clock, 1000, 60, 0)
    assert recovering[0] < recovering[10] < recovering[-1] == 100


def test_the_unconditional_sample_is_larger_at_the_beginning_of_a_route(clock):
    chooser = Chooser(100, Random(1), clock)
    first = sum(chooser.wants_extra(0) for _ in range(10_000))
    later = sum(chooser.wants_extra(RARE) for _ in range(10_000))
    assert 400 < first < 600
    assert 60 < later < 140


def test_a_low_rate_is_kept_and_losses_do_not_lower_it(clock):
    chooser = Chooser(2, Random(1), clock)
    assert choices(chooser, clock, 1000, 3, 0) == [2, 2, 2]
    chooser.lost()
    clock.now += 1.0
    assert choices(chooser, clock, 1000, 1, 0) == [2]
