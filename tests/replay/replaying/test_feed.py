import pytest

from httptee.recording import Gap
from httptee.replay.replaying.feed import OUTSIDE, Feed, Range, Span
from httptee.replay.replaying.schedule import Schedule
from tests.replay.made import MS, NOON, Made, exchange
from tests.replay.replaying.test_preparing import preparing


def feed(chosen=None, line="http://b.example:9001", schedule=None, count=5, gaps=()):
    recording = Made((exchange(number) for number in range(count)), gaps=gaps)
    return Feed(recording, chosen or Range(), schedule or Schedule(), preparing(line))


def accounted(found, sent):
    return found.recorded == sent + sum(found.filtered.values()) + found.damaged + found.unread


def test_each_exchange_is_planned_once_in_order_with_its_time():
    made = feed()
    planned = list(made)
    assert [(one.number, one.due, one.exchange.target) for one in planned] == [
        (number, pytest.approx(number / 100), f"/{number}") for number in range(5)
    ]
    assert made.whole
    assert accounted(made, 5)


def test_what_is_filtered_takes_no_number_and_no_time():
    made = feed(line="http://b.example:9001 path=!/0", schedule=Schedule(rate=1.0))
    assert [(one.number, one.due, one.exchange.target) for one in made][:2] == [(0, 0.0, "/1"), (1, 1.0, "/2")]
    assert made.filtered == {"filtered": 1}
    assert accounted(made, 4)


def test_the_times_choose_a_part():
    made = feed(Range(NOON + 10 * MS, NOON + 30 * MS))
    assert [one.exchange.target for one in made] == ["/1", "/2", "/3"]
    assert made.filtered == {OUTSIDE: 2}
    assert accounted(made, 3)


def gap(first, last=None):
    times = (NOON + at * 10 * MS for at in (first, first if last is None else last))
    return Gap(*times, 1, "damaged")


def test_what_is_damaged_is_counted_as_that():
    made = feed(Range(NOON + 10 * MS, NOON + 30 * MS), gaps=[gap(0), gap(2), gap(4)])
    assert [one.exchange.target for one in made] == ["/1", "/3"]
    assert (made.damaged, made.filtered) == (1, {OUTSIDE: 2})
    assert accounted(made, 2)


def test_what_is_damaged_before_a_limit_was_reached():
    made = feed(Range(limit=2), gaps=[gap(1)])
    assert [one.exchange.target for one in made] == ["/0", "/2"]
    assert (made.damaged, made.unread) == (1, 2)
    assert accounted(made, 2)


def test_the_gaps_are_those_of_the_time_that_was_chosen():
    gaps = [gap(0), gap(0.5, 1.5), gap(2), gap(4)]
    assert feed(Range(NOON + 10 * MS, NOON + 30 * MS), gaps=gaps).gaps == (gaps[1], gaps[2])
    assert feed(gaps=gaps).gaps == tuple(gaps)


def test_a_limit_ends_it():
    made = feed(Range(limit=2))
    assert len(list(made)) == 2
    assert (made.whole, made.unread) == (False, 3)
    assert accounted(made, 2)


def test_rounds_follow_each_other_at_the_mean_distance():
    made = feed(Range(rounds=3), count=3)
    assert [one.due for one in made] == pytest.approx([number / 100 for number in range(9)])
    assert accounted(made, 9)


def test_rounds_without_end_go_on_and_count_those_that_were_begun():
    made = feed(Range(rounds=None), count=2)
    planned = iter(made)
    for _ in range(7):
        next(planned)
    assert made.recorded == 8
    assert made.read + made.unread == 8


def test_rounds_without_end_stop_where_nothing_is_sent():
    assert list(feed(Range(rounds=None), line="http://b.example:9001 percent=0")) == []


def test_an_empty_recording_has_nothing_to_send():
    assert list(feed(count=0)) == []


@pytest.mark.parametrize(
    ("chosen", "parts"),
    [(Range(), [0, 0.25, 0.5, 0.75, 1]), (Range(rounds=2), [0, 0.125, 0.25, 0.375, 0.5]),
     (Range(rounds=None), [None] * 5), (Range(rounds=None, limit=10), [0, 0.1, 0.2, 0.3, 0.4])],
)  # fmt: skip
def test_it_says_how_much_is_done(chosen, parts):
    made = feed(chosen)
    planned = iter(made)
    assert [made.done(next(planned)) for _ in range(5)] == [
        part if part is None else pytest.approx(part) for part in parts
    ]


def test_a_part_of_a_recording_is_due_by_the_first_arrival_of_the_whole():
    whole = [exchange(number) for number in range(10)]
    span = Span(whole[0].arrived, whole[-1].arrived, 10)
    schedule = Schedule(origin=span.first)
    part = Feed(Made(whole[5:]), Range(rounds=2), schedule, preparing(), span)
    assert [round(planned.due, 3) for planned in part][:6] == [0.05, 0.06, 0.07, 0.08, 0.09, 0.15]
