import dataclasses
import json

import pytest

from httptee.replay.figures.tally import Tally
from httptee.replay.sending import STOPPED, Sent


def sent(failure="", status=200, late=0.001, waited=0.002, took=0.01):
    return Sent(0, failure, status, late, waited, took, took / 2, None, None)


def tally(*results):
    made = Tally()
    for number, result in enumerate(results):
        made.settled(float(number), result)
    return made


def test_each_exchange_is_counted_once():
    made = tally(
        sent(), sent(status=500), sent("timeout", 0, took=5.0), sent("reset", 0), sent("connect", 0, waited=-1.0),
        sent(STOPPED, 0, waited=-1.0),
    )  # fmt: skip
    figures = made.figures(10, {"filtered": 2}, 2 + made.stopped, 2.0)
    assert figures.adds_up
    assert (figures.sent, figures.answered, figures.rate) == (4, 2, 2.0)
    assert figures.failed == {"connect": 1}
    assert figures.unanswered == {"timeout": 1, "reset": 1}
    assert figures.statuses == {200: 1, 500: 1}
    assert not made.figures(11, {"filtered": 2}, 3, 2.0).adds_up
    assert made.figures(11, {"filtered": 2}, 3, 2.0, damaged=1).adds_up


def test_the_time_from_the_due_time_has_the_wait_in_it():
    figures = tally(sent(waited=1.0, took=0.5)).figures(1, {}, 0, 1.0)
    assert figures.from_due.longest == 1.5
    assert figures.from_send.longest == 0.5


def test_a_timeout_counts_with_the_time_until_it_was_given_up_and_another_failure_with_none():
    figures = tally(sent("timeout", 0, took=5.0), sent("reset", 0, took=9.0)).figures(2, {}, 0, 1.0)
    assert (figures.from_send.count, figures.from_send.longest) == (1, 5.0)


def test_the_drift_is_the_lateness_of_the_last_tenth_less_that_of_the_first():
    made = tally(*(sent(late=0.001 * second) for second in range(100)))
    assert made.drift == pytest.approx((94.5 - 4.5) / 1000)
    assert tally().drift == 0.0


def test_a_tally_is_the_same_after_it_was_stored_and_several_add_up():
    one, two, both = Tally(), Tally(), Tally()
    for number in range(200):
        result = sent("timeout" if number % 7 == 0 else "", 200 + number % 2, took=number / 1000)
        for each in (one if number % 3 else two, both):
            each.settled(number / 20, result)
    one.merge(Tally.restored(json.loads(json.dumps(two.state()))))
    expected = both.figures(200, {}, 0, 1.0)
    found = one.figures(200, {}, 0, 1.0)
    assert found == dataclasses.replace(expected, drift=found.drift)
    assert found.drift == pytest.approx(expected.drift)
    assert found.adds_up


def test_what_is_no_tally_is_refused():
    for state in ({}, {**Tally().state(), "late": []}, {**Tally().state(), "sent": "x"}):
        with pytest.raises((KeyError, ValueError, IndexError, TypeError)):
            Tally.restored(state)
