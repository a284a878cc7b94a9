from httptee.server.turns import Turns, alone
from tests.support.clock import Clock


def test_who_has_fewest_or_nearly_so_accepts():
    turns = Turns(lambda: 5)
    assert [turns.mine(present) for present in (0, 5, 6)] == [True] * 3
    assert not turns.aside


def test_who_has_more_steps_aside_and_comes_back_when_the_others_have_caught_up():
    fewest = [5]
    turns = Turns(lambda: fewest[0], Clock())
    assert not turns.mine(7)
    assert turns.aside
    fewest[0] = 6
    assert turns.mine(7)
    assert not turns.aside


def test_nobody_waits_for_long_for_others_who_do_not_come():
    clock = Clock()
    turns = Turns(lambda: 0, clock)
    assert not turns.mine(9)
    clock.now += 0.005
    assert not turns.mine(9)
    clock.now += 0.006
    assert turns.mine(9)
    assert not turns.aside
    assert turns.mine(10)  # nor for each connection anew
    clock.now += 0.3
    assert not turns.mine(10)


def test_a_process_that_is_alone_always_accepts():
    turns = Turns(alone)
    assert all(turns.mine(present) for present in (0, 1, 10**6))
