from fractions import Fraction
from math import comb, exp, factorial, log
from random import Random

import pytest

from httptee.verdict.court.bets import (
    Means,
    evidence,
    log_evidence,
    log_evidence_below,
    pairs_needed,
    staked_log_evidence,
    stakes,
    upper_bound,
)


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


def staked(coins):
    """The evidence of coins (log odds, heads, tails)."""
    costs = [sum((heads + tails) * cost for _, heads, tails, cost in each) for each in zip(*(
        [(odds, heads, tails, cost) for cost in stakes(odds)] for odds, heads, tails in coins
    ), strict=True)]  # fmt: skip
    return staked_log_evidence(sum(odds * heads for odds, heads, _ in coins), costs)


def test_twelve_blocks_in_a_row_are_enough_for_latency_if_they_are_far_from_the_margin():
    assert staked([(3.0, 11, 0)]) < log(1000) <= staked([(3.0, 12, 0)])
    assert staked([(1.0, 15, 0)]) < log(1000) <= staked([(1.0, 16, 0)])


def test_a_staked_bet_is_fair_for_all_odds():
    for heads, tails in [(0, 0), (3, 1), (1, 9), (40, 20)]:
        for odds in (0.0, 0.1, 1.0, 3.0):
            before = [(1.0, 5, 4), (odds, heads, tails)]
            after = [[(1.0, 5, 4), (odds, heads + 1, tails)], [(1.0, 5, 4), (odds, heads, tails + 1)]]
            assert sum(exp(staked(each)) for each in after) / 2 == pytest.approx(exp(staked(before)))


def test_a_coin_of_which_more_is_said_wins_and_loses_more():
    factors = [(exp(staked([(odds, 1, 0)])), exp(staked([(odds, 0, 1)]))) for odds in (0.0, 0.5, 1.0, 2.0)]
    assert factors == sorted(factors)
    assert [tails for _, tails in factors] == sorted((tails for _, tails in factors), reverse=True)


def test_without_a_staked_coin_there_is_no_evidence():
    assert staked_log_evidence(0.0, (0.0, 0.0, 0.0)) == pytest.approx(0.0)


def test_a_mean_says_more_if_it_is_farther_away_and_if_earlier_ones_were_close_together():
    close, spread = Means(0.1), Means(0.1)
    for number in range(40):
        close.add(0.01 * (-1) ** number, 0.1)
        spread.add(0.2 * (-1) ** number, 0.1)
    assert close.odds(0.1) > close.odds(0.05) > spread.odds(0.05) > spread.odds(0.0) == 0.0


def test_the_odds_are_those_of_normally_distributed_means():
    means, random = Means(0.1), Random(1)
    for _ in range(2000):
        means.add(random.gauss(-0.1, 0.15), 0.1)
    assert means.odds(0.1) == pytest.approx(2 * 0.1 * 0.1 / 0.15**2, rel=0.1)


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


def test_the_evidence_for_a_lower_rate_is_that_of_a_fair_bet():
    for rate in (0.01, 0.1, 0.2):
        for k, n in ((0, 0), (0, 30), (2, 50)):
            heads, tails = (exp(log_evidence_below(k + more, n + 1, rate)) for more in (1, 0))
            assert rate * heads + (1 - rate) * tails == pytest.approx(exp(log_evidence_below(k, n, rate)))
            assert heads < tails


def test_five_times_the_mean_distance_without_one_shows_a_lower_rate():
    for rate in (0.2, 0.05, 0.001):
        needed = next(n for n in range(10_000) if log_evidence_below(0, n, rate) >= log(100))
        assert 4.5 < needed * rate < 5.0
    assert log_evidence_below(1, 800, 0.01) < log(100) < log_evidence_below(1, 900, 0.01)
