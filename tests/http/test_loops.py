import pytest

from httptee.errors import LoopDetected
from httptee.http.loops import FIELD, OFTEN, TRIAL, LoopGuard

HEADERS = [("Host", "h"), ("X-A", "1")]


class Clock:
    def __init__(self):
        self.now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard(clock):
    return LoopGuard("0a1b2c3d", clock)


def passes(guard, headers=HEADERS, most=10_000, method="POST", target="/x"):
    """How often a request that always comes back is forwarded."""
    for count in range(most):
        try:
            headers = guard.passed(method, target, headers)
        except LoopDetected:
            return count
    return most


def marked(guard, requests, target="/x"):
    return sum(FIELD in dict(guard.passed("GET", target, HEADERS)) for _ in range(requests))


def test_a_loop_ends_soon_and_the_next_one_at_its_first_return(guard):
    assert passes(guard) == OFTEN
    assert passes(guard, target="/another") == 1


def test_a_loop_through_two_processes_ends(clock):
    processes = [LoopGuard("0a1b2c3d", clock) for _ in range(2)]
    headers, count = HEADERS, 0
    while FIELD not in dict(headers):
        headers = processes[count % 2].passed("GET", "/", headers)
        count += 1
        assert count < 3 * OFTEN
    for process in processes:
        with pytest.raises(LoopDetected):
            process.passed("GET", "/", headers)


def test_requests_that_are_not_that_many_stay_as_they_are(guard, clock):
    for _ in range(200):
        assert marked(guard, OFTEN - 1) == 0
        clock.now += 1.0
    for number in range(10 * OFTEN):
        assert guard.passed("GET", f"/{number}", HEADERS) is HEADERS


def test_a_busy_target_gets_few_marks_and_none_after_the_trial(guard, clock):
    assert marked(guard, 10 * OFTEN) == 10
    clock.now += TRIAL
    assert marked(guard, 10 * OFTEN) == 0
    clock.now += 59
    assert marked(guard, 10 * OFTEN) == 0
    clock.now += 2
    assert marked(guard, 10 * OFTEN) == 10


def test_after_a_minute_without_a_return_requests_are_as_they_were(guard, clock):
    passes(guard)
    assert marked(guard, 3) == 3
    clock.now += 61
    assert marked(guard, 3) == 0


def test_the_mark_of_another_tee_is_no_loop_and_stays(guard, clock):
    headers = [*HEADERS, (FIELD, "ffffffff")]
    assert guard.passed("GET", "/", headers) is headers
    other = LoopGuard("ffffffff", clock)
    with pytest.raises(LoopDetected):
        other.passed("GET", "/", headers)


def test_the_case_of_the_field_does_not_matter(guard):
    with pytest.raises(LoopDetected):
        guard.passed("GET", "/", [("x-httptee-LOOP", "0a1b2c3d")])


def test_what_it_counts_is_bounded(guard):
    for number in range(30_000):
        guard.passed("GET", f"/{number}", HEADERS)
    assert len(guard._counts) <= 10_000


def test_long_targets_are_counted_and_not_held():
    guard = LoopGuard("me", lambda: 0.0)
    for number in range(100):
        guard.passed("GET", f"/{number}" + "x" * 60_000, [])
    assert len(guard._counts) == 100
    assert all(isinstance(key, int) for key in guard._counts)
