import json
from math import log
from random import Random
from uuid import UUID

import pytest

from httptee.verdict.court.inside import Inside

NOW = 1_700_000_000.0
ENOUGH = log(5_000)


def uuid(random):
    return str(UUID(int=random.getrandbits(128)))


def checked(pairs, state=None):
    """The checks after these pairs of values, one each second."""
    inside = Inside(state)
    for number, (a, b) in enumerate(pairs):
        inside.pair(a, b, NOW + number, NOW + number)
    return inside


def differing(draw_a, draw_b, count=400):
    """Pairs as a court sees them: only those that differ."""
    drawn = ((draw_a(), draw_b()) for _ in range(count))
    return [(a, b) for a, b in drawn if a != b]


def test_a_shape_never_seen_at_a_is_found():
    random = Random(1)
    inside = checked([(uuid(random), "none") for _ in range(20)])
    assert inside.log_evidence >= ENOUGH
    assert "a shape that A has not shown" in inside.strongest[1]


def test_a_value_beyond_few_is_found():
    random = Random(1)
    inside = checked(
        differing(
            lambda: random.choice(["s1", "s2", "s3", "s4"]),
            lambda: "s5" if random.random() < 0.2 else random.choice(["s1", "s2", "s3", "s4"]),
        )
    )
    assert inside.log_evidence >= ENOUGH
    assert "a value that A has not shown" in inside.strongest[1]


def test_a_time_an_hour_off_is_found():
    inside = checked([(int(NOW) + n, int(NOW) + n - 3600) for n in range(20)])
    assert inside.log_evidence >= ENOUGH
    assert "further from now" in inside.strongest[1]


def test_all_checks_together_hardly_ever_show_evidence_by_chance():
    random, alarms = Random(11), 0
    for _ in range(200):
        inside = Inside()
        for _ in range(150):
            inside._coins[random.choice(["shape", "value", "offset", "higher", "lower"])].toss(random.random() < 0.5)
            if inside.log_evidence >= log(5):
                alarms += 1
                break
    assert 0 < alarms <= 200 / 5


@pytest.mark.parametrize("seed", range(4))
def test_the_same_noise_in_both_raises_no_alarm(seed):
    random = Random(seed)
    draws = [
        lambda: uuid(random),
        lambda: random.choice(["s1", "s2", "s3", "s4"]),
        lambda: "rare" if random.random() < 0.01 else uuid(random),
        lambda: random.choice([None, 1, "x", uuid(random), ""]),
        lambda: f"{random.getrandbits(64):x}",
        lambda: NOW + random.paretovariate(0.7),
        lambda: random.expovariate(1),
    ]
    for draw in draws:
        assert checked(differing(draw, draw, 3_000)).log_evidence < ENOUGH


def test_a_cached_stamp_of_each_server_raises_no_alarm():
    inside = Inside()
    for second in range(600):
        a, b = NOW + (second + 7) // 60 * 60 - 7, NOW + (second + 50) // 60 * 60 - 50
        inside.pair(a, b, NOW + second, NOW + second)
    assert inside.log_evidence < log(5)


def test_whether_only_bs_value_is_new_is_returned():
    inside = checked([("s1", "s2"), ("s2", "s1")])
    assert not inside.pair("s1", "s2", NOW, NOW)
    assert inside.pair("s1", "s3", NOW, NOW)
    assert not inside.pair("s4", "s5", NOW, NOW)


def triples(random, slower=1.0, count=60):
    for _ in range(count):
        a, b, a2 = (int(random.lognormvariate(2.0, 0.6)) + 1 for _ in range(3))
        yield a, int(b * slower), a2


def test_numbers_three_times_as_high_are_found():
    inside = Inside()
    for a, b, a2 in triples(Random(1), slower=3.0):
        inside.repeat(a, b, a2, NOW)
    assert inside.log_evidence >= ENOUGH
    assert "higher" in inside.strongest[1]


def test_lower_numbers_are_found():
    inside = Inside()
    for a, b, a2 in triples(Random(1)):
        inside.repeat(10 * a, b, 10 * a2, NOW)
    assert inside.log_evidence >= ENOUGH
    assert "lower" in inside.strongest[1]


def test_numbers_with_the_same_noise_raise_no_alarm():
    for seed in range(10):
        inside = Inside()
        for a, b, a2 in triples(Random(seed), count=300):
            inside.repeat(a, b, a2, NOW)
        assert inside.log_evidence < ENOUGH


def test_a_number_that_rarely_jumps_in_both_raises_no_alarm():
    random, inside = Random(1), Inside()
    for _ in range(20_000):
        a, b, a2 = (50 if random.random() < 0.02 else 5 for _ in range(3))
        if a != b:
            inside.repeat(a, b, a2, NOW)
    assert inside.log_evidence < log(5)


def test_a_counter_that_both_share_raises_no_alarm():
    inside = Inside()
    for number in range(0, 900, 3):
        inside.repeat(number, number + 1, number + 2, NOW)
    assert inside.log_evidence < log(5)


def test_a_counter_of_each_server_raises_no_alarm():
    inside = Inside()
    for number in range(100):
        inside.repeat(1000 + 2 * number, number, 1001 + 2 * number, NOW)
    assert inside.log_evidence < log(5)


def test_other_values_than_numbers_have_no_shift():
    inside = Inside()
    for _ in range(50):
        inside.repeat("a", "b", "c", NOW)
        inside.repeat(1, None, 2, NOW)
    assert inside.log_evidence == 0.0


def test_the_state_is_restored_exactly_and_is_small():
    random = Random(2)
    inside = checked([(uuid(random), random.choice(["x", uuid(random)])) for _ in range(300)])
    inside.repeat(1, 5, 2, NOW)
    state = json.loads(json.dumps(inside.state()))
    assert Inside(state).state() == inside.state()
    assert len(json.dumps(state)) < 1_000
    few = checked([("a", "b"), ("b", "a")])
    assert Inside(few.state()).state() == few.state()


def test_what_two_routes_have_shown_is_added():
    random = Random(1)
    one, other = (checked([(uuid(random), "none") for _ in range(12)]) for _ in range(2))
    assert one.log_evidence < ENOUGH
    one.merge(other)
    assert one.log_evidence >= ENOUGH


def test_few_values_of_each_of_two_routes_may_be_many():
    one, other = (checked([(value, "x") for value in values]) for values in ("abcdefghijkl", "mnopqrstuvw"))
    assert len(one.state()["values"]) == 12
    one.merge(other)
    assert one.state()["values"] is None


def test_a_state_that_was_merged_with_an_empty_one_is_the_same():
    inside = checked([(number, number + 1) for number in range(30)])
    other = Inside()
    other.merge(inside)
    assert {**other.state(), "last": 0} == {**inside.state(), "last": 0}


@pytest.mark.parametrize(
    ("up", "down", "counter"),
    [(10, 0, True), (14, 2, True), (39, 16, False), (500, 400, False), (200, 100, True), (250, 150, True)],
)
def test_a_number_that_by_chance_goes_up_more_often_than_down_is_no_counter(up, down, counter):
    checked = Inside({"up": up, "down": down, "higher": [30, 0], "lower": [0, 0]})
    assert (checked.shift == 0.0) is counter
