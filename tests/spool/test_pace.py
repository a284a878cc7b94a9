"""How fast B gets what was spooled."""

import pytest

from httptee.spool.pace import FIRST, LEAST_CAP, Pace


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


def test_doubled_each_second_up_to_twice_the_live_rate(clock):
    pace = Pace(0.5, clock=clock)
    pace.live = 500.0
    run(pace, clock, 3)
    assert pace.rate > 3 * FIRST
    run(pace, clock, 10)
    assert pace.rate == pace.cap == 1000.0
    assert 990 <= run(pace, clock, 1) <= 1010


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
    assert max(sum(start <= at < start + 0.5 for at in sent) for start in set(sent)) <= 500


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
