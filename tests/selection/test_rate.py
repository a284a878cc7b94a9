import multiprocessing

import pytest

from httptee.ledger.shared import shared_numbers
from httptee.selection.rate import Rate, TokenBucket
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
