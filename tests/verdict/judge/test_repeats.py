"""Which requests are sent to A again, and when."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from httptee.http import Request
from httptee.ledger import Latency, PrimaryStatement
from httptee.ledger.columns import BOUNDS
from httptee.verdict.court import Pair
from httptee.verdict.judge.channel import size_of
from httptee.verdict.judge.repeats import Condition, RepeatLimits, Repeats
from tests.verdict.judge.samples import outcome, pair

QUICK, SLOW = BOUNDS.index(0.005), BOUNDS.index(0.5)


@dataclass
class Wish:
    due: float = 1000.0
    priority: float = 1.0
    more: int = 0
    delayed: bool = False
    pair: Pair = field(default_factory=pair)


def account(answered=0, quick=0, slow=0, errors=0, broken=0):
    buckets = [0] * (len(BOUNDS) + 1)
    buckets[QUICK], buckets[SLOW] = quick or answered, slow
    return PrimaryStatement(
        {200: answered - broken, 503: broken}, {"timeout": errors}, {}, Latency(tuple(buckets), 0.0), 0, 0, 0
    )


def repeats(**limits):
    made = Repeats(RepeatLimits(**limits), 1000.0)
    made.observe(account(1000), 1.0, 1000.0)
    return made


def request(method="GET", target="/users/12", headers=()):
    return Request(method, target, list(headers), b"", "", "http")


def test_what_must_not_be_repeated_is_refused_at_once_and_counted():
    made = repeats()
    post, link = Wish(pair=pair(method="POST")), Wish(pair=pair(target="/logout"))
    assert made.offer(post) == [post]
    assert made.offer(link) == [link]
    assert made.refused == {"method": 1, "route": 1}
    assert len(made) == 0


def test_a_is_not_asked_again_for_a_very_long_answer():
    made, long = repeats(), replace(outcome(None), length=8 * 1024 * 1024 + 1)
    wish = Wish(pair=pair(long))
    assert made.offer(wish) == [wish]
    assert made.refused == {"large": 1}
    assert made.offer(Wish(pair=pair(replace(long, length=8 * 1024 * 1024)))) == []


def test_without_repeats_every_wish_is_refused():
    made = repeats(per_second=0)
    wish = Wish()
    assert made.offer(wish) == [wish]
    assert made.refused == {"off": 1}
    assert made.due(2000.0) is None


def test_two_a_second_are_allowed():
    made = repeats(per_second=2.0)
    for number in range(100):
        made.offer(Wish(due=1000 + number / 1000))
    times = [now for now in (1000 + tick / 100 for tick in range(1000)) if made.due(now) is not None]
    assert 19 <= len(times) <= 20
    assert all(later - earlier >= 0.49 for earlier, later in pairwise(times))
    assert made.made == len(times)


def test_a_wish_is_not_carried_out_before_it_is_due():
    made = repeats()
    made.offer(Wish(due=1090.0, delayed=True))
    assert made.due(1089.0) is None
    assert made.due(1090.0) is not None


def test_the_highest_priority_is_first_then_the_newest():
    made = repeats(per_second=1000.0)
    wishes = [Wish(due=1000.0, priority=1), Wish(due=1001.0, priority=1), Wish(due=999.0, priority=2)]
    for wish in wishes:
        made.offer(wish)
    assert [made.due(1002.0 + n) for n in range(4)] == [wishes[2], wishes[1], wishes[0], None]


def test_after_warm_up_one_in_a_hundred_requests_allows_a_repeat():
    made = repeats(per_second=1000.0, warm_up=3, share=0.01)
    for _ in range(50):
        made.offer(Wish())

    def carried_out(now):
        return sum(made.due(now + tick / 100) is not None for tick in range(20))

    assert carried_out(1001) == 3
    made.observe(account(1099), 1.0, 1002)
    assert carried_out(1002) == 1  # three, and a part of the fourth
    made.observe(account(1400), 1.0, 1003)
    assert carried_out(1003) == 3
    assert carried_out(1004) == 0


def test_there_is_one_warm_up_even_if_the_judge_is_restarted():
    first = repeats(per_second=1000.0, warm_up=3)
    for _ in range(5):
        first.offer(Wish())
    assert sum(first.due(1001.0 + n) is not None for n in range(5)) == 3
    second = Repeats(RepeatLimits(per_second=1000.0, warm_up=3), 1010.0, first.state())
    second.observe(account(1000), 1.0, 1010.0)
    second.offer(Wish(due=1010.0))
    assert second.due(1011.0) is None
    assert second.made == 3
    second.observe(account(1200), 1.0, 1012.0)
    assert second.due(1012.0) is not None
    assert second.made == 4


def test_nothing_is_repeated_before_the_first_look_at_a():
    made = Repeats(RepeatLimits(), 1000.0)
    made.offer(Wish())
    assert made.due(1001.0) is None


@pytest.mark.parametrize(
    ("later", "share", "trouble"),
    [
        (account(1100), 1.0, ""),
        (account(1100, errors=1), 1.0, ""),
        (account(1100, errors=2), 1.0, "a_errs"),
        (account(1000, errors=1), 1.0, "a_errs"),
        (account(1100, broken=20), 1.0, "a_errs"),
        (account(1100, broken=5), 1.0, ""),
        (account(1100), 0.5, "cut_off"),
        (account(1100, quick=1000, slow=100), 1.0, "a_slow"),
        (account(1100, quick=1097, slow=3), 1.0, ""),
        (account(1010, quick=1000, slow=10), 1.0, ""),
    ],
)
def test_nothing_is_repeated_while_a_is_in_trouble(later, share, trouble):
    made = repeats()
    made.observe(later, share, 1001.0)
    assert made.condition.trouble == trouble
    made.offer(Wish())
    assert (made.due(1001.0) is None) == bool(trouble)


def test_a_that_always_has_some_errors_of_its_own_is_not_in_trouble():
    condition = Condition()
    condition.observe(account(1000, broken=100), 1.0, 1000.0)
    condition.observe(account(1100, broken=112), 1.0, 1001.0)
    assert condition.trouble == ""


def test_trouble_is_forgotten_after_some_seconds():
    condition = Condition()
    condition.observe(account(100), 1.0, 1000.0)
    condition.observe(account(200, errors=50), 1.0, 1001.0)
    condition.observe(account(300, errors=50), 1.0, 1010.0)
    assert condition.trouble == "a_errs"
    condition.observe(account(400, errors=50), 1.0, 1011.0)
    assert condition.trouble == ""
    assert len(condition._seen) == 3


def test_after_a_repeat_without_an_answer_a_is_left_alone():
    made = repeats()
    made.offer(Wish(due=1000.0))
    made.failed(1000.0)
    assert made.due(1029.0) is None
    assert made.due(1030.0) is not None


def test_a_delayed_wish_keeps_its_repeat_until_it_is_due():
    made = repeats(per_second=1000.0, warm_up=3)
    later, *others = [Wish(due=1090.0, delayed=True), *(Wish(due=1000.0) for _ in range(5))]
    for wish in (later, *others):
        made.offer(wish)
    assert sum(made.due(1000.0 + second) is not None for second in range(1, 20)) == 2
    made.observe(account(1000), 1.0, 1090.0)
    assert made.due(1091.0) is later


def test_a_wish_that_waits_for_too_long_is_refused():
    made = repeats(warm_up=0)
    now, later = Wish(due=1000.0), Wish(due=1000.0, delayed=True)
    made.offer(now)
    made.offer(later)
    assert made.expired(1030.0) == []
    assert made.expired(1031.0) == [now]
    made.observe(account(1000, errors=5), 1.0, 1300.0)
    assert made.expired(1301.0) == [later]
    assert made.refused == {"late": 1, "a_errs": 1}


def test_the_oldest_of_the_lowest_priority_makes_room():
    made = repeats(waiting=3)
    wishes = [Wish(due=1000.0 + n, priority=priority) for n, priority in enumerate([2, 1, 1, 2])]
    assert [made.offer(wish) for wish in wishes] == [[], [], [], [wishes[1]]]
    assert made.refused == {"full": 1}
    assert len(made) == 3


def test_delayed_wishes_do_not_crowd_out_the_others():
    made = repeats(waiting=4)
    delayed = [Wish(due=1090.0 + n, delayed=True) for n in range(4)]
    for wish in delayed:
        made.offer(wish)
    assert made.offer(Wish()) == [delayed[0]]
    assert made.offer(Wish()) == [delayed[1]]


def test_what_waits_is_bounded_in_bytes():
    large = pair(outcome(bytes(100_000)))
    made = repeats(room=3 * size_of(large))
    for _ in range(10):
        made.offer(Wish(pair=replace(large)))
    assert len(made) == 3
    assert made._held <= 3 * size_of(large)
    while made.drop_all():
        pass
    assert made._held == 0


def test_a_b_that_is_paused_is_not_asked_until_it_is_resumed():
    paused = {"b"}
    made = Repeats(RepeatLimits(), 1000.0, None, paused.__contains__)
    made.observe(account(1000), 1.0, 1000.0)
    wish = Wish(pair=replace(pair(), backend="b"))
    assert made.offer(wish) == []
    assert made.due(1001.0) is None
    paused.clear()
    assert made.due(1001.0) is wish


def test_a_judge_among_several_has_its_part_of_the_limits():
    made = repeats(per_second=2.0, warm_up=4)
    made.part = 0.5
    for _ in range(10):
        made.offer(Wish())
    at, times = 1000.0, []
    while at < 1010.0:
        if made.due(at) is not None:
            times.append(at)
        at += 0.25
    assert times == [1000.0, 1001.0]
