from itertools import pairwise

from httptee.server.turns import AWAKE, Turns, alone
from tests.support.clock import Clock


def test_who_has_fewest_or_nearly_so_accepts():
    turns = Turns(lambda: 5 * AWAKE)
    assert [turns.mine(burden * AWAKE) for burden in (0, 5, 6)] == [True] * 3
    assert not turns.aside


def test_connections_that_sleep_move_few_others():
    turns = Turns(lambda: 500 + 10 * AWAKE, Clock())
    assert turns.mine(516 + 10 * AWAKE)
    assert not turns.mine(517 + 10 * AWAKE)


def test_who_has_more_steps_aside_and_comes_back_when_the_others_have_caught_up():
    lowest = [5 * AWAKE]
    turns = Turns(lambda: lowest[0], Clock())
    assert not turns.mine(7 * AWAKE)
    assert turns.aside
    lowest[0] = 6 * AWAKE
    assert turns.mine(7 * AWAKE)
    assert not turns.aside


def accepted(turns, clock, connections, most=1000):
    """How many a process accepts, one after another, until it steps aside, after a wait for the others."""
    turns.mine(connections * AWAKE)
    clock.now += 0.011
    count = 0
    while count < most and turns.mine((connections + count) * AWAKE):
        count += 1
    return count


def test_nobody_waits_for_long_for_others_who_do_not_come():
    clock = Clock()
    turns = Turns(lambda: 0, clock)
    assert not turns.mine(9 * AWAKE)
    clock.now += 0.005
    assert not turns.mine(9 * AWAKE)
    clock.now += 0.006
    assert turns.mine(9 * AWAKE)
    assert not turns.aside
    assert turns.mine(10 * AWAKE)  # nor for each connection anew
    clock.now += 0.3
    assert not turns.mine(10 * AWAKE)


def test_others_that_are_late_by_a_moment_find_most_of_a_crowd_still_there_and_a_blocked_one_holds_up_little():
    clock, present, counts = Clock(), 9, []
    turns = Turns(lambda: 0, clock)
    for _ in range(5):
        counts.append(accepted(turns, clock, present))
        present += counts[-1]
    assert counts[0] == 5
    assert all(later > 1.5 * earlier for earlier, later in pairwise(counts))
    assert sum(counts) > 120
    clock.now += 0.3
    assert accepted(turns, clock, present) == 5


def test_a_process_that_is_alone_always_accepts():
    turns = Turns(alone)
    assert all(turns.mine(present) for present in (0, 1, 10**6))
