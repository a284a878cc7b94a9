from itertools import accumulate
from math import exp, log
from random import Random

import pytest

from httptee.verdict.court.bets import evidence, stakes
from httptee.verdict.court.latency import BUCKETS, Blocks, Margin, Toss, blocks_needed, bucket, latency, percentile
from httptee.verdict.court.sums import RouteSums
from tests.verdict.court.cases import blocks


def tosses(pairs, margin=Margin()):  # noqa: B008
    made = Blocks(margin)
    return [toss for a, b, now in pairs if (toss := made.add(a, b, now))]


def evenly(a, b, count, step=0.2):
    return [(a, b, step * number) for number in range(count)]


def sums_of(pairs):
    blocks, total = Blocks(), [0] * len(Toss._fields)
    a_times, b_times = [0] * BUCKETS, [0] * BUCKETS
    for a, b, now in pairs:
        a_times[bucket(a)] += 1
        b_times[bucket(b)] += 1
        if toss := blocks.add(a, b, now):
            total = [old + new for old, new in zip(total, toss, strict=True)]
    return RouteSums(**dict(zip(Toss._fields, total, strict=True)), a_times=a_times, b_times=b_times)


def traffic(random, count, slow=1.0, stalls=1.0, rate=25.0):
    """Times with a common load, a common burst now and then, and stalls of each server alone."""
    now = 0.0
    for _ in range(count):
        now += random.expovariate(rate)
        load = 1.0 + 0.4 * Random(int(now / 2)).random() + (4 if now % 13 < 0.3 else 0)
        yield (
            0.02 * load * random.lognormvariate(0, 0.2) + (random.random() < 0.025) * random.uniform(0.03, 0.12),
            slow * 0.02 * load * random.lognormvariate(0, 0.2)
            + (random.random() < 0.025 * stalls) * random.uniform(0.03, 0.12),
            now,
        )


def test_a_block_has_at_least_ten_pairs_and_a_second():
    assert [toss.blocks for toss in tosses(evenly(0.01, 0.01, 20, step=0.2))] == [1, 1]
    assert len(tosses(evenly(0.01, 0.01, 101, step=0.01))) == 1
    assert tosses(evenly(0.01, 0.01, 9, step=1.0)) == []


def sides(pairs, margin=Margin()):  # noqa: B008
    return ["slower" if toss.slower else "quick" if toss.quick else "" for toss in tosses(pairs, margin)]


def odds(pairs):
    """What is said of the last block."""
    last = tosses(pairs)[-1]
    return last.slower_odds + last.quick_odds


def test_the_coin_shows_on_which_side_of_the_margin_b_is():
    assert sides(evenly(0.1, 0.120, 10)) == ["slower"]
    assert sides(evenly(0.1, 0.104, 10)) == ["quick"]
    assert sides(evenly(0.1, 0.106, 10), Margin(1.2, 0.0)) == ["quick"]
    assert sides(evenly(0.1, 0.1, 10), Margin(1.0, 0.0)) == [""]


def test_a_block_says_more_the_farther_it_is_from_the_margin():
    assert odds(evenly(0.1, 0.112, 10)) < odds(evenly(0.1, 0.120, 10)) < odds(evenly(0.1, 0.150, 10))
    assert odds(evenly(0.1, 0.110, 10)) < odds(evenly(0.1, 0.104, 10)) < odds(evenly(0.1, 0.090, 10))


def test_the_same_distance_says_as_much_on_either_side():
    within, beyond = (tosses(evenly(0.1, 0.111 * factor, 10))[0] for factor in (1 / 1.1, 1.1))
    assert within.quick_odds == beyond.slower_odds > 0
    assert within.slower_odds == beyond.quick_odds == 0
    stakes = [(toss.small_stake, toss.middle_stake, toss.large_stake) for toss in (within, beyond)]
    assert stakes[0] == stakes[1]


def test_a_block_of_which_only_a_part_is_counted_says_less():
    (block,) = tosses(evenly(0.1, 0.09, 10))
    names = block._fields
    assert names.index("large_stake") < names.index("slower_odds") < names.index("quick_odds")
    assert min(names.index(name) for name in names if name.endswith("_stake")) > names.index("beyond_slower")


def test_a_block_says_less_where_blocks_differ_much_from_each_other():
    last = [(0.1, 0.104, 100 + each) for _, _, each in evenly(0, 0, 10)]
    restless = [(0.1, 0.1 * 2 ** (-1) ** (number // 10), now) for number, (_, _, now) in enumerate(evenly(0, 0, 80))]
    assert odds([*restless, *last]) < odds([*evenly(0.1, 0.104, 80), *last]) / 3


def test_what_a_block_shows_is_not_used_for_its_own_odds():
    earlier = evenly(0.1, 0.104, 40)
    wild = [(0.1, 0.1 * factor, 100 + 0.2 * number) for number, factor in enumerate([0.7, 1.5] * 5)]
    mean = sum(log(b / 0.111) for _, b, _ in wild) / 10
    calm = [(0.1, 0.111 * exp(mean), now) for _, _, now in wild]
    assert odds([*earlier, *wild]) == pytest.approx(odds([*earlier, *calm]), abs=2)


def test_one_stall_does_not_outweigh_a_block():
    assert sides([(0.1, 90.0, 0.0), *evenly(0.1, 0.098, 9)]) == ["quick"]
    assert sides([(90.0, 0.1, 0.0), *evenly(0.1, 0.13, 9)]) == ["slower"]


def test_a_time_of_zero_is_no_error():
    assert sides(evenly(0.0, 0.0, 30), Margin(1.1, 0.0)) == ["quick"] * 3


def tails(pairs):
    return [(toss.tail_blocks, toss.tail_slower, toss.beyond_blocks, toss.beyond_slower) for toss in tosses(pairs)]


def test_the_first_fifty_times_of_a_only_set_the_limit():
    assert tails(evenly(0.1, 0.3, 60)) == [(0, 0, 0, 0)] * 5 + [(1, 1, 1, 1)]


def test_a_long_time_of_b_that_the_margin_permits_is_none_beyond_it():
    limit = 1.2 * 0.1 + 0.005
    assert tails(evenly(0.1, 1.05 * limit, 80))[-1] == (1, 1, 0, 0)
    assert tails(evenly(0.1, 1.10 * limit + 0.002, 80))[-1] == (1, 1, 1, 1)


def test_a_tail_block_with_as_many_long_times_on_both_sides_is_not_tossed():
    assert all(toss.tail_blocks == 0 for toss in tosses(evenly(0.1, 0.1, 500)))


def test_blocks_hold_few_times():
    blocks = Blocks()
    for number in range(5_000):
        blocks.add(0.01, 0.01, number * 0.001)
    assert len(blocks._kept) + len(blocks._limits) <= 71


def test_a_bucket_ends_five_percent_above_its_start():
    assert bucket(0.0) == bucket(-1.0) == bucket(1e-5) == 0
    assert bucket(100.0) == bucket(1e9) == BUCKETS - 1
    assert bucket(0.0101) - bucket(0.0099) <= 1
    assert bucket(0.0107) > bucket(0.01)
    assert BUCKETS < 350


@pytest.mark.parametrize("seconds", [2e-5, 0.001, 0.0123, 1.0, 99.0])
def test_a_percentile_is_within_five_percent(seconds):
    counts = [0] * BUCKETS
    counts[bucket(seconds)] = 10
    assert percentile(counts, 0.5) == pytest.approx(seconds, rel=0.05)
    assert percentile(counts, 0.99) == pytest.approx(seconds, rel=0.05)


def test_an_empty_histogram_has_no_percentile():
    assert percentile([], 0.5) is None
    assert percentile([0] * BUCKETS, 0.5) is None


def test_percentiles_are_those_of_the_values():
    random, counts = Random(1), [0] * BUCKETS
    values = sorted(random.lognormvariate(-4, 1) for _ in range(5_000))
    for value in values:
        counts[bucket(value)] += 1
    for share in (0.01, 0.5, 0.99):
        assert percentile(counts, share) == pytest.approx(values[int(share * 5_000)], rel=0.06)


def test_thirty_percent_is_slower():
    report = latency(sums_of(traffic(Random(1), 3_000, slow=1.3)), 0.001)
    assert report.label == "slower"
    assert report.b_p50 / report.a_p50 == pytest.approx(1.3, rel=0.05)


def test_more_stalls_are_slower_in_the_tail():
    report = latency(sums_of(traffic(Random(2), 3_000, stalls=3)), 0.001)
    assert report.label == "slower in the tail"


def test_the_same_times_are_within_the_margin_although_both_stall_together():
    labels = [latency(sums_of(traffic(Random(seed), 1_000)), 0.001).label for seed in range(12)]
    assert labels == ["within"] * 12


@pytest.mark.parametrize(
    ("coin", "at_the_margin"),
    [("tail_slower tail_blocks", False), ("beyond_slower beyond_blocks", True)],
)
def test_bursts_and_stalls_of_both_hardly_ever_show_evidence_by_chance(coin, at_the_margin):
    shown = 0
    for seed in range(100):
        blocks, heads, count = Blocks(), 0, 0
        for a, b, now in traffic(Random(seed), 800):
            if toss := blocks.add(a, 1.10 * b + 0.001 if at_the_margin else b, now):
                one, all_ = (getattr(toss, name) for name in coin.split())
                heads, count = heads + one, count + all_
                if evidence(heads, count) >= 20:
                    shown += 1
                    break
    assert shown <= 100 / 20


def taken(tosses):
    """The sums after each toss."""
    for counts in accumulate(tosses, lambda one, other: Toss(*map(sum, zip(one, other, strict=True)))):
        yield RouteSums(**counts._asdict(), a_times=[0] * BUCKETS, b_times=[0] * BUCKETS)


@pytest.mark.parametrize("label", ["slower", "within"])
def test_a_b_at_the_margin_is_hardly_ever_on_one_side_of_it_by_chance_however_often_one_looks(label):
    shown = 0
    for seed in range(100):
        pairs = [(a, 1.10 * b + 0.001, now) for a, b, now in traffic(Random(seed), 800)]
        shown += any(latency(sums, 0.05).label == label for sums in taken(tosses(pairs)))
    assert shown <= 100 / 20


def test_a_b_beyond_the_margin_is_never_within_it():
    for seed in range(20):
        pairs = [(a, 1.15 * b + 0.001, now) for a, b, now in traffic(Random(seed), 800)]
        assert all(latency(sums, 0.05).label != "within" for sums in taken(tosses(pairs)))


def test_ten_percent_at_the_margin_is_not_slower():
    labels = {latency(sums_of(traffic(Random(seed), 3_000, slow=1.1)), 0.001).label for seed in range(4)}
    assert labels <= {"within", "undecided"}


@pytest.mark.parametrize(
    ("b_seconds", "beyond", "label"),
    [(0.085, 40, "undecided"), (0.094, 18, "undecided"), (0.094, 40, "slower in the tail")],
)
def test_the_tail_is_slower_only_beyond_what_the_margin_permits(b_seconds, beyond, label):
    sums = RouteSums(
        tail_blocks=40, tail_slower=40, beyond_blocks=40, beyond_slower=beyond,
        a_times=[0] * BUCKETS, b_times=[0] * BUCKETS,
    )  # fmt: skip
    for seconds, counts in ((0.075, sums.a_times), (b_seconds, sums.b_times)):
        counts[bucket(seconds)] += 100
    assert latency(sums, 0.001).label == label


def test_without_pairs_nothing_is_decided():
    report = latency(RouteSums(), 0.001)
    assert (report.label, report.blocks, report.a_p50) == ("undecided", 0, None)


def test_blocks_needed_are_twelve_at_the_start_and_fewer_later():
    assert blocks_needed(RouteSums(), 0.001) in (12, 13)
    assert blocks_needed(RouteSums(**blocks(quick=9)), 0.001) in (3, 4)
    assert blocks_needed(RouteSums(**blocks(quick=20)), 0.001) == 0


def test_more_blocks_are_needed_where_each_says_little():
    assert blocks_needed(RouteSums(**blocks(4, 5, 0.5)), 0.001) > blocks_needed(RouteSums(**blocks(4, 5, 2.0)), 0.001)
    assert blocks_needed(RouteSums(**blocks(4, 5, 0.0)), 0.001) == 1_000_000


def coins(slower, quick):
    """The sums of blocks that are all as far from the margin."""
    toss = Toss(1, 0, 0, 0, 0, 0, 0, *(round(1e6 * stake) for stake in stakes(1.0)))
    blocks = slower + quick
    return RouteSums(
        blocks=blocks, slower=slower, quick=quick, slower_odds=slower * 1_000_000, quick_odds=quick * 1_000_000,
        small_stake=blocks * toss.small_stake, middle_stake=blocks * toss.middle_stake,
        large_stake=blocks * toss.large_stake,
    )  # fmt: skip


def tail_coins(slower, blocks):
    return RouteSums(blocks=blocks, tail_blocks=blocks, tail_slower=slower)


def test_what_was_shown_to_be_slower_stays_so_while_its_evidence_is_above_one():
    for held, shown, weaker, gone in (
        ("slower", coins(40, 5), coins(40, 25), coins(40, 80)),
        ("slower in the tail", tail_coins(30, 30), tail_coins(40, 60), tail_coins(40, 100)),
    ):
        assert latency(shown, 1e-3, held=held).label == held
        assert latency(weaker, 1e-3).label == "undecided"
        assert latency(weaker, 1e-3, held=held).label == held
        assert latency(gone, 1e-3, held=held).label != held


def test_a_label_is_not_held_for_another_one():
    assert latency(coins(40, 25), 1e-3, held="slower in the tail").label == "undecided"
    assert latency(tail_coins(40, 60), 1e-3, held="slower").label == "undecided"
    assert latency(coins(0, 60), 1e-3, held="within").label == "within"
