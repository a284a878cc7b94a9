"""The verdict on a recording: what differs, what is noise by requests that were recorded twice, what is not known."""

import itertools
import json
from random import Random

import pytest

from httptee.compare import Outcome
from httptee.http import Request
from httptee.replay.replaying.feed import Planned
from httptee.replay.replaying.judging import Judging
from httptee.replay.replaying.preparing import Prepared
from httptee.replay.sending import CUT, STOPPED, Sent
from httptee.verdict.court import Again, Policy
from httptee.verdict.evidence import Evidence, report_of
from tests.replay.made import NOON, exchange

JSON = [("Content-Type", "application/json")]


def answer(text):
    return Outcome(200, JSON, text.encode(), len(text))


class Court:
    """A judging, and what it is told."""

    def __init__(self, live=None, **changed):
        policy = Policy("b", delta=0.01, times=False)
        self.evidence = Evidence(None)
        self.judging = Judging(policy, self.evidence, live, random=Random(1), **changed)
        self._number = itertools.count()

    def pair(self, target, a, b, method="GET", failure="", seconds=0.0):
        number = next(self._number)
        request = Request(method, target, [("Host", "x")], b"", "192.0.2.1", "http")
        planned = Planned(
            number, 0.0, exchange(arrived=NOON + int((number + seconds) * 10**8)),
            Prepared(request, b"", a if a is None else answer(a)),
        )  # fmt: skip
        same = None if a is None or failure else a == b
        got = (
            None
            if same or failure or a is None
            else tuple(answer(b).__getattribute__(name) for name in ("status", "headers", "body", "length", "digest"))
        )
        self.judging.settled(planned, Sent(number, failure, 200, 0.0, 0.0, 0.001, 0.001, same, got))

    def report(self):
        return report_of(self.judging.reports({})[0])

    def labels(self):
        return {(route.route, one.path, one.label) for route in self.report().routes for one in route.findings}


@pytest.fixture
def make():
    made = []

    def court(live=None, **changed):
        made.append(Court(live, **changed))
        return made[-1]

    yield court
    for one in made:
        one.evidence.close()


def test_equal_answers_are_the_same(make):
    court = make()
    for number in range(600):
        court.pair(f"/x/{number}", '{"a":1}', '{"a":1}')
    report = court.report()
    assert (report.word, report.judged, report.offered) == ("YES", 600, 600)


def test_with_few_pairs_it_is_not_yet_known(make):
    court = make()
    court.pair("/x", '{"a":1}', '{"a":1}')
    assert court.report().word == "NOT YET"


def test_a_change_shows_by_requests_that_were_recorded_more_than_once(make):
    court = make()
    for number in range(60):
        court.pair(f"/price/{number % 5}", f'{{"p":{number % 5},"q":1}}', f'{{"p":{number % 5 + 1},"q":1}}')
        court.pair(f"/other/{number % 5}", '{"a":1}', '{"a":1}')
    assert court.report().word == "NO"
    assert court.labels() == {("GET /price/{int}", "$.p", "differs")}


def test_what_a_changes_itself_is_noise(make):
    court, random = make(), Random(2)
    for number in range(200):
        court.pair(f"/x/{number % 5}", f'{{"n":{random.random()}}}', f'{{"n":{random.random()}}}')
    assert court.labels() == {("GET /x/{int}", "$.n", "noise")}
    assert court.report().word != "NO"


def test_a_change_of_a_request_that_was_recorded_once_is_only_suspected(make):
    court = make()
    for number in range(100):
        court.pair(f"/price/{number}", f'{{"p":{number}}}', f'{{"p":{number + 1}}}')
    assert court.labels() == {("GET /price/{int}", "$.p", "suspected")}
    assert court.report().word == "NOT YET"


def test_a_change_in_the_answer_to_a_write_is_only_suspected(make):
    court = make()
    for number in range(100):
        court.pair("/orders", f'{{"p":{number}}}', f'{{"p":{number + 1}}}', method="POST")
    assert court.labels() == {("POST /orders", "$.p", "suspected")}


def test_a_hash_that_a_may_change_later_is_not_held_against_b(make):
    """Without answers of A that lie far apart, it may be a cache of A's and one of B's."""
    court = make()
    for _ in range(60):
        court.pair("/x", '{"h":"5d41402abc4b2a76b9719d911017c592"}', '{"h":"7d793037a0760186574b0282f2f435e7"}')
    assert court.labels() == {("GET /x", "$.h", "constant")} or court.labels() == {("GET /x", "$.h", "undecided")}
    assert court.report().word != "NO"


def test_requests_that_failed_speak_against_b(make):
    court = make()
    for number in range(60):
        court.pair(f"/x/{number % 5}", '{"p":1}', "", failure="reset")
    report = court.report()
    assert (report.word, report.delivered, report.offered) == ("NO", 0, 60)


def test_what_was_not_sent_is_not_judged(make):
    court = make()
    court.pair("/x", '{"p":1}', "", failure=STOPPED)
    court.pair("/x", '{"p":1}', "", failure=CUT)
    assert court.report().offered == 0


def test_what_has_no_recorded_answer_is_not_compared(make):
    court = make()
    court.pair("/x", None, "")
    assert (court.report().offered, court.judging.compared) == (1, 0)


def test_routes_that_become_one_are_counted_as_one(make):
    court = make()
    for number in range(100):
        court.pair(f"/{'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10]}/end", '{"a":1}', '{"a":2}')
    report = court.report()
    assert sum(route.judged for route in report.routes) == 100
    assert len(report.routes) < 60


class Live:
    made = 0

    def __init__(self, a, b):
        self.a, self.b, self.asks = a, b, []

    def offer(self, ask):
        self.asks.append(ask)
        return True

    def turn(self):
        asks, self.asks = self.asks, []
        self.made += len(asks)
        return [(ask, Again(answer(self.a(ask)), answer(self.b(ask)), NOON / 1e9 + 1000)) for ask in asks]

    def finish(self, seconds, stopped):
        return self.turn()


@pytest.mark.parametrize(("more", "label", "word"), [(0, "differs", "NO"), (1, "noise", "NOT YET")])
def test_a_live_a_says_what_is_noise(make, more, label, word):
    def number_of(ask):
        return int(ask.pair.request.target.rpartition("/")[2])

    live = Live(lambda ask: f'{{"p":{number_of(ask) + more}}}', lambda ask: f'{{"p":{number_of(ask) + 1}}}')
    court = make(live)
    for number in range(100):
        court.pair(f"/price/{number}", f'{{"p":{number}}}', f'{{"p":{number + 1}}}')
        court.judging.turn()
    court.judging.finish(1.0)
    assert {found[2] for found in court.labels()} == {label}
    assert court.report().word == word
    assert court.report().repeats == live.made > 0


def shop(court, numbers):
    """Prices that differ, others that do not; names of which there are many, so that they become one route."""
    for number in numbers:
        court.pair(f"/price/{number % 5}", f'{{"p":{number % 5},"q":1}}', f'{{"p":{number % 5 + 1},"q":1}}')
        court.pair(f"/other/{number % 5}", '{"a":1}', '{"a":1}')
        court.pair(f"/{'abcdefghij'[number % 10]}{'klmnopqrst'[number // 10 % 10]}/end", '{"a":1}', '{"a":1}')


def test_what_several_members_know_adds_up_to_one_report(make):
    one, other, alone = make(), make(), make()
    shop(one, range(80))
    shop(other, range(80, 200))
    shop(alone, range(200))
    one.judging.add(json.loads(json.dumps(other.judging.state())))
    found, expected = one.report(), alone.report()
    assert (found.word, found.offered, found.judged) == (expected.word, expected.offered, expected.judged) == (
        "NO", 600, 600,
    )  # fmt: skip
    assert {(route.route, route.judged, route.equal) for route in found.routes} == {
        (route.route, route.judged, route.equal) for route in expected.routes
    }
    assert one.labels() == alone.labels()


@pytest.mark.parametrize("spoiled", [{}, {"lines": {"GET /x": {}}}, {"counts": [1]}, {"court": {"version": 99}}])
def test_what_is_no_state_of_a_member_is_refused(make, spoiled):
    state = {**make().judging.state(), **spoiled} if spoiled else {}
    with pytest.raises((KeyError, ValueError, TypeError)):
        make().judging.add(state)
