"""Sets of numbers as ranges."""

import random

from httptee.spool.engine.ranges import Ranges


def test_ranges_are_what_a_set_of_numbers_is():
    rng = random.Random(4)
    ranges, numbers = Ranges(), set()
    for _ in range(300):
        first = rng.randrange(1, 200)
        last = first + rng.randrange(0, 9)
        ranges.add(first, last)
        numbers |= set(range(first, last + 1))
        if rng.random() < 0.1:
            low = rng.randrange(1, 50)
            ranges.drop_up_to(low)
            numbers = {number for number in numbers if number > low}
        first, last = rng.randrange(1, 100), rng.randrange(100, 220)
        lacking = {number for low, high in ranges.lacking(first, last) for number in range(low, high + 1)}
        assert lacking == set(range(first, last + 1)) - numbers
        assert {number for number in range(1, 220) if number in ranges} == numbers


def test_what_touches_becomes_one():
    ranges = Ranges()
    ranges.add(1, 2)
    ranges.add(5, 6)
    ranges.add(3, 4)
    assert list(ranges) == [(1, 6)]
    assert repr(ranges) == "<Ranges 1-6>"


def test_nothing_is_lacking_in_no_numbers():
    assert Ranges().lacking(5, 4) == []
