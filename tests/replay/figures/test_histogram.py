from random import Random

import pytest

from httptee.replay.figures.histogram import Histogram


def test_a_percentile_is_within_1_percent():
    times = [Random(1).lognormvariate(-6, 2) for _ in range(1)] + [Random(n).lognormvariate(-6, 2) for n in range(5000)]
    histogram = Histogram()
    for time in times:
        histogram.add(time)
    ordered = sorted(times)
    found = histogram.percentiles()
    for share, value in ((0.5, found.p50), (0.9, found.p90), (0.99, found.p99), (0.999, found.p999)):
        assert value == pytest.approx(ordered[int(share * len(ordered))], rel=0.03)
    assert found.longest == ordered[-1]
    assert found.count == len(times)
    assert histogram.total == pytest.approx(sum(times))


def test_one_time_is_every_percentile():
    histogram = Histogram()
    histogram.add(0.25)
    found = histogram.percentiles()
    assert found.p50 == found.p999 == found.longest == 0.25


def test_without_a_time_all_are_0():
    assert Histogram().percentiles().p99 == 0.0


@pytest.mark.parametrize("seconds", [0.0, 1e-9, 5000.0])
def test_a_time_beyond_the_buckets_counts(seconds):
    histogram = Histogram()
    histogram.add(seconds)
    assert histogram.percentiles().longest == seconds
    assert histogram.quantile(0.5) <= seconds
