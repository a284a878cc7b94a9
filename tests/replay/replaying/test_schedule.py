import pytest

from httptee.replay.replaying.schedule import Schedule, round_length
from tests.replay.made import MS, NOON

ARRIVALS = [NOON, NOON + 10 * MS, NOON + 10 * MS, NOON + 5_000 * MS, NOON + 5_001 * MS]


def due(schedule, arrivals=ARRIVALS):
    clock = schedule.clock()
    return [clock(arrived) for arrived in arrivals]


def test_the_spacing_of_the_recording_is_kept():
    assert due(Schedule()) == [0.0, 0.01, 0.01, 5.0, 5.001]


def test_the_speed_divides_it():
    assert due(Schedule(speed=2)) == [0.0, 0.005, 0.005, 2.5, 2.5005]


def test_a_long_gap_is_cut_and_what_follows_moves_along():
    assert due(Schedule(max_gap=1.0)) == pytest.approx([0.0, 0.01, 0.01, 1.01, 1.011], abs=1e-9)


def test_the_longest_gap_is_one_of_the_recording_and_the_speed_comes_after_it():
    assert due(Schedule(speed=2, max_gap=1.0)) == pytest.approx([0.0, 0.005, 0.005, 0.505, 0.5055], abs=1e-9)


def test_a_rate_spaces_evenly():
    assert due(Schedule(rate=4.0)) == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_closed_loop_has_no_due_times():
    assert due(Schedule(closed=True)) == [0.0] * 5


def test_no_error_adds_up_over_a_million_requests():
    clock = Schedule().clock()
    for number in range(0, 1_000_000, 1000):
        assert clock(NOON + number * 333_333) == pytest.approx(number * 333_333 / 1e9, abs=1e-9)


@pytest.mark.parametrize(("first", "last", "count", "length"), [(0, 900, 10, 1000), (5, 5, 1, 10**9), (0, 0, 3, 1)])
def test_a_round_follows_after_a_gap_of_the_mean_length(first, last, count, length):
    assert round_length(first, last, count) == length
