"""How long answers take."""

from random import Random
from statistics import median, quantiles

from tests.worlds.times import USUAL


def drawn(count=4000, bursts=False, stalls=1.0, name="a", start=1000.0):
    random = Random(name)
    return [USUAL.seconds(5, 0.01, start + number * 0.05, random, bursts, stalls) for number in range(count)]


def test_two_servers_take_about_the_same_time():
    assert 0.97 < median(drawn()) / median(drawn(name="b")) < 1.03


def test_more_stalls_are_in_the_tail_only():
    few, many = drawn(), drawn(stalls=3.0)
    assert median(many) < 1.1 * median(few)
    limit = quantiles(few, n=100)[94]
    assert sum(each > limit for each in many) > 1.5 * sum(each > limit for each in few)


def test_bursts_hit_both_servers_at_the_same_moments():
    slow = [
        {number for number, each in enumerate(drawn(bursts=True, stalls=0.0, name=name)) if each > 0.03}
        for name in "ab"
    ]
    assert len(slow[0]) > 20
    assert len(slow[0] & slow[1]) > 0.6 * len(slow[0] | slow[1])
    assert not [each for each in drawn(stalls=0.0) if each > 0.03]
