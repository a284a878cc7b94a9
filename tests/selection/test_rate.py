import multiprocessing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.ledger.shared import shared_numbers
from httptee.selection.rate import Rate, TokenBucket, part_of
from tests.support.clock import Clock


def bucket(text, clock):
    return TokenBucket(Rate.parse(text), shared_numbers(1)[0], clock)


@pytest.mark.parametrize(("text", "per_second"), [("200/s", 200), ("30/m", 0.5), ("9/h", 0.0025), ("0.5/s", 0.5)])
def test_a_rate_has_a_unit(text, per_second):
    assert Rate.parse(text).per_second == per_second


@pytest.mark.parametrize("rate", [1, 7, 200, 3333])
def test_a_full_bucket_holds_a_second(rate):
    clock = Clock()
    tokens = bucket(f"{rate}/s", clock)
    assert sum(tokens.take() for _ in range(2 * rate)) == rate


def test_below_one_a_second_there_is_one_token_at_a_time():
    clock = Clock()
    tokens = bucket("30/m", clock)
    assert [tokens.take(), tokens.take()] == [True, False]
    clock.now += 1.9
    assert not tokens.take()
    clock.now += 0.2
    assert [tokens.take(), tokens.take()] == [True, False]


def test_in_the_long_run_the_rate_is_exact():
    clock = Clock()
    tokens = bucket("200/s", clock)
    taken = 0
    for _ in range(60_000):
        clock.now += 0.001
        taken += tokens.take()
    assert taken in range(200 * 60 + 198, 200 * 60 + 202)


def test_tokens_not_taken_do_not_pile_up():
    clock = Clock()
    tokens = bucket("5/s", clock)
    clock.now += 3600
    assert sum(tokens.take() for _ in range(100)) == 5


def test_processes_share_one_bucket():
    (clock,) = shared_numbers(1)
    now = Clock()
    context = multiprocessing.get_context("fork")
    tokens = TokenBucket(Rate.parse("100/s"), clock, now)

    def take(results):
        results.put(sum(TokenBucket(Rate.parse("100/s"), clock, now).take() for _ in range(60)))

    results = context.SimpleQueue()
    for _ in range(3):  # one after the other: what they share is the bucket, and not luck
        process = context.Process(target=take, args=(results,))
        process.start()
        process.join()
    assert [results.get() for _ in range(3)] == [60, 40, 0]
    assert not tokens.take()


def test_a_part_of_the_rate_is_a_slower_bucket_at_once():
    clock, part = Clock(), [1.0]
    tokens = TokenBucket(Rate.parse("100/s"), shared_numbers(1)[0], clock, lambda: part[0])
    assert sum(tokens.take() for _ in range(300)) == 100
    part[0] = 0.25
    clock.now += 100
    assert sum(tokens.take() for _ in range(300)) == 25
    clock.now += 10
    taken = 0
    for _ in range(10_000):
        clock.now += 0.001
        taken += tokens.take()
    assert taken in range(250 + 24, 250 + 28)  # ten seconds, and the full bucket of the first one


def test_what_all_ask_for_is_granted_if_it_fits_and_the_rest_is_divided():
    assert part_of(10, [10, 50], 100) == pytest.approx(0.3)
    assert part_of(50, [10, 50], 100) == pytest.approx(0.7)


def test_a_rate_that_is_too_small_is_divided_by_demand():
    assert part_of(300, [300, 100], 100) == pytest.approx(0.75)
    assert part_of(0, [0, 99], 50) == pytest.approx(0.01)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0.001, 1e6))
def test_the_parts_of_all_tees_make_one(demands, rate):
    parts = [part_of(own, demands, rate) for own in demands]
    assert sum(parts) == pytest.approx(1.0)
    assert all(0.0 < part <= 1.0 + 1e-9 for part in parts)
