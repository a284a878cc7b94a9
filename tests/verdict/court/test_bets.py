from fractions import Fraction
from math import comb, exp, factorial, log
from random import Random

import pytest

from httptee.verdict.court.bets import evidence, graded_log_evidence, log_evidence, pairs_needed, upper_bound


def exact(k, n):
    """E(k, n) as in the formula, in whole numbers."""
    beta = Fraction(factorial(k) * factorial(n - k), factorial(n + 1))
    return beta * sum(comb(n + 1, heads) for heads in range(k + 1))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 16, 41, 200])
def test_the_evidence_is_that_of_the_formula(n):
    for k in range(n + 1):
        assert evidence(k, n) == pytest.approx(float(exact(k, n)), rel=1e-9)


def test_sixteen_heads_in_a_row_are_enough_and_fifteen_are_not():
    assert evidence(15, 15) < 50 / 0.01 <= evidence(16, 16)


def test_eleven_blocks_in_a_row_are_enough_for_latency_and_fewer_if_they_are_far_from_the_margin():
    assert graded_log_evidence([(3, 10, 0)]) < log(1000) <= graded_log_evidence([(3, 11, 0)])
    assert graded_log_evidence([(1, 12, 0)]) < log(1000) <= graded_log_evidence([(6, 11, 0)])


def test_a_graded_bet_is_fair_for_each_weight():
    for heads, tails in [(0, 0), (3, 1), (1, 9), (40, 20)]:
        for weight in (1, 3, 6):
            before = [(1, 5, 4), (weight, heads, tails)]
            after = [[(1, 5, 4), (weight, heads + 1, tails)], [(1, 5, 4), (weight, heads, tails + 1)]]
            assert sum(exp(graded_log_evidence(each)) for each in after) / 2 == pytest.approx(
                exp(graded_log_evidence(before))
            )


def test_without_a_graded_toss_there_is_no_evidence():
    assert graded_log_evidence([]) == pytest.approx(0.0)


def test_the_bet_is_fair():
    for k, n in [(0, 0), (3, 5), (9, 10), (2, 40)]:
        assert exact(k, n) == (exact(k + 1, n + 1) + exact(k, n + 1)) / 2


def test_without_a_toss_there_is_no_evidence():
    assert evidence(0, 0) == 1.0


def test_large_numbers_are_exact_enough_and_do_not_overflow():
    assert log_evidence(5_000_000, 10_000_000) == pytest.approx(log_evidence(4_999_999, 9_999_998), abs=1e-6)
    assert log_evidence(10**7, 10**7) == pytest.approx(10**7 * log(2) + log(2) - log(10**7 + 1), rel=1e-12)
    assert 1e290 < evidence(10**7, 10**7) < float("inf")
    assert evidence(0, 10**7) < 1e-6


@pytest.mark.parametrize(("k", "n"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match="of 3"):
        log_evidence(k, n)
    with pytest.raises(ValueError, match="of 3"):
        upper_bound(k, n, 0.01, 0.05)


def test_looking_all_the_time_raises_few_false_alarms():
    random, alarms = Random(7), 0
    for _ in range(200):
        k = 0
        for n in range(1, 200):
            k += random.random() < 0.5
            if evidence(k, n) >= 20:
                alarms += 1
                break
    assert 0 < alarms <= 200 / 20


@pytest.mark.parametrize(("delta", "pairs"), [(0.01, 472), (0.001, 4_741), (0.0001, 47_436)])
def test_clean_pairs_that_the_bound_needs(delta, pairs):
    assert pairs_needed(0, delta, 0.05) == pairs
    assert upper_bound(0, pairs, delta, 0.05) <= delta < upper_bound(0, pairs - 1, delta, 0.05)


def test_the_bound_knows_nothing_at_the_start():
    assert upper_bound(0, 0, 0.01, 0.05) == 1.0


def test_the_bound_is_above_the_share_and_comes_close():
    assert 0.1 < upper_bound(10, 100, 0.01, 0.05) < 0.3
    assert 0.1 < upper_bound(1_000_000, 10_000_000, 0.01, 0.05) < 0.1006
    assert upper_bound(7, 7, 0.01, 0.05) == 1.0


def test_more_mismatches_need_more_pairs():
    assert pairs_needed(0, 0.01, 0.05) < pairs_needed(1, 0.01, 0.05) < pairs_needed(20, 0.01, 0.05)


def test_the_bound_holds_at_all_times():
    random, broken = Random(3), 0
    for _ in range(60):
        k = 0
        for n in range(1, 400):
            k += random.random() < 0.03
            if upper_bound(k, n, 0.03, 0.05) < 0.03:
                broken += 1
                break
    assert broken <= 60 * 0.05
