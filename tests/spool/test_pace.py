"""How fast B gets what was spooled."""

from bisect import bisect_left

import pytest

from httptee.spool.pace import FIRST, LEAST_CAP, PATIENCE, Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def run(pace, clock, seconds, answer=0.01):
    sent = 0
    for _ in range(int(seconds * 100)):
        clock.now += 0.01
        for _ in range(pace.tokens()):
            pace.sent()
            pace.succeeded(answer)
            sent += 1
    return sent


def most_in_half_a_second(sent):
    times = sorted(sent)
    return max(bisect_left(times, start + 0.5) - place for place, start in enumerate(times))


def test_doubled_each_second_up_to_twice_the_live_rate(clock):
    pace = Pace(0.5, clock=clock)
    pace.live = 500.0
    run(pace, clock, 3)
    assert pace.rate > 3 * FIRST
    run(pace, clock, 10)
    assert pace.rate == pace.cap == 1000.0
    assert 960 <= run(pace, clock, 1) <= 980


def test_no_half_second_has_more_than_the_cap_allows_also_after_a_pause(clock):
    pace = Pace(0.5, clock=clock)
    pace.live = 500.0
    run(pace, clock, 12)
    sent = []
    for pause in (0.01, 0.3, 0.01, 0.07, 1.0, 0.02, 0.45, 0.01, 0.2) * 40:
        clock.now += pause
        allowed = pace.tokens()
        clock.now += pause / 2  # the drainer waits for the processor
        for _ in range(allowed):
            pace.sent()
            pace.succeeded(0.01)
            sent.append(clock.now)
    assert len(sent) > 1000
    assert most_in_half_a_second(sent) <= 485


def test_a_half_second_at_b_holds_the_cap_also_if_clones_come_up_to_10_milliseconds_late(clock):
    pace = Pace(0.5, clock=clock)
    pace.live = 500.0
    run(pace, clock, 12)
    sent = []
    for turn in range(2000):
        clock.now += 0.003
        for _ in range(pace.tokens()):
            pace.sent()
            pace.succeeded(0.01)
            sent.append(clock.now + (0.01 if turn % 300 < 150 else 0.0))
    assert len(sent) > 5000
    assert most_in_half_a_second(sent) <= 500


@pytest.mark.parametrize("left", [50, 150, 290])
@pytest.mark.parametrize("turn", [0.001, 0.01, 0.025])
def test_what_waits_for_the_last_clones_fits_into_the_half_second_in_which_it_goes_out(clock, left, turn):
    pace = Pace(0.5, clock=clock)
    pace.live = 1000.0
    run(pace, clock, 12)
    sent = []

    def send(most):
        clock.now += turn
        allowed = min(most, pace.tokens())
        for _ in range(allowed):
            pace.sent()
            sent.append(clock.now)
        return allowed

    began = clock.now
    while clock.now < began + 1.0:  # there is more than enough
        send(1000)
    pace.leave_room(PATIENCE)
    began = clock.now
    while left:
        left -= send(left)
    assert clock.now - began < PATIENCE - turn
    last = clock.now + 0.02  # until the worker process looks again
    sent += [last] * int(1000 * (last - began))
    sent += [last + each / 1000 for each in range(1000)]  # those that come go to B at once
    assert most_in_half_a_second(sent) <= 1000


def test_a_low_rate_is_not_rounded_down_by_the_margin(clock):
    pace = Pace(0.5, 10.0, clock)
    run(pace, clock, 10)
    assert 90 <= run(pace, clock, 10) <= 100


def test_a_low_cap_allows_one_clone_at_a_time(clock):
    pace = Pace(0.5, 1.0, clock)
    assert 9 <= run(pace, clock, 10) <= 11


def test_the_option_is_a_limit_of_its_own(clock):
    pace = Pace(0.5, 50, clock)
    run(pace, clock, 10)
    assert pace.cap == 50
    assert run(pace, clock, 2) <= 102


def test_without_traffic_there_is_still_a_rate(clock):
    assert Pace(0.5, clock=clock).cap == LEAST_CAP


def test_halved_on_a_failure_once_for_what_was_in_flight_together(clock):
    pace = Pace(0.5, clock=clock)
    pace.live = 500.0
    run(pace, clock, 10)
    clock.now += 1
    for _ in range(64):
        pace.failed()
    assert pace.rate == 500.0


def test_slow_answers_keep_the_rate(clock):
    pace = Pace(0.5, clock=clock)
    run(pace, clock, 5, answer=0.6)
    assert pace.rate == FIRST
