"""The judge, with fakes around it."""

import logging
import os
from dataclasses import replace
from random import Random

from httptee.verdict.court import NO, NOT_YET, Again, RouteSums
from httptee.verdict.judge.asking import Asking
from httptee.verdict.judge.judge import Judge
from httptee.verdict.judge.pace import Pace
from httptee.verdict.judge.repeats import RepeatLimits, Repeats
from httptee.verdict.judge.trial import Trial
from tests.support.clock import Clock
from tests.verdict.judge.fakes import (
    Counts,
    FakeAsker,
    FakeCourt,
    FakeEvidence,
    FakeObserved,
    FakeReader,
    Wish,
    compare,
)
from tests.verdict.judge.samples import outcome, pair

SAME = pair(outcome(), outcome())


class World:
    """A judge and all that is around it."""

    def __init__(self, *pairs, evidence=None, observed=None, asker=None, limits=None, clock=None, **more):
        self.clock = clock or Clock()
        self.reader = FakeReader(*pairs)
        self.evidence = evidence or FakeEvidence()
        self.observed = observed or FakeObserved()
        self.asker = asker or FakeAsker(a=outcome(), canary=outcome(b"[]"))
        self.slept = []
        self.short = False
        self.judge = Judge(
            self.reader,
            [Trial("canary", more.pop("fingerprint", "b"), self.court_of)],
            self.evidence,
            Asking(self.asker, 1000, Random(1), self.clock, lambda work: work()),
            lambda state: Repeats(limits or RepeatLimits(per_second=1000), self.clock(), state),
            self.observed,
            compare,
            Pace(0.25, lambda: 0.0, self.slept.append),
            self.clock,
            lambda: self.short,
            **more,
        )

    def court_of(self, chapter, state):
        self.court = FakeCourt(chapter, state)
        return self.court

    def turn(self, seconds=1.0):
        self.clock.now += seconds
        return self.judge.turn()


def test_a_pair_that_differs_is_counted_kept_and_asked_again():
    world = World(pair(), limits=RepeatLimits(per_second=1000))
    world.turn()
    (counted, found), (kept, kept_found, again) = world.court.unequal_pairs[0], world.evidence.added[0]
    assert counted == kept == replace(pair(), number=1)
    assert found == kept_found == compare(counted.a, counted.b)
    assert again is None
    world.turn()
    world.turn()
    assert [backend for backend, _, _ in world.asker.asked] in (["", "canary"], ["canary", ""])
    ((confirmed, again, found),) = world.court.confirmations
    assert (confirmed, found) == (counted, kept_found)
    assert again == Again(outcome(), outcome(b"[]"), 1002.0)
    assert world.evidence.added[1] == (counted, found, again)


def test_a_and_b_are_asked_in_random_order():
    world = World(*[pair()] * 50)
    for _ in range(30):
        world.turn()
    firsts = [backend for backend, _, _ in world.asker.asked[::2]]
    assert {"", "canary"} == set(firsts)


def test_a_pair_without_a_difference_is_counted_and_not_kept():
    world = World(SAME)
    world.turn()
    assert world.court.unequal_pairs == [(replace(SAME, number=1), [])]
    assert world.evidence.added == []


def test_a_pair_of_another_b_is_counted_as_strange():
    world = World(pair(backend="gone"))
    world.turn()
    assert world.judge.strange == 1
    assert world.court.unequal_pairs == []


def test_a_pair_that_cannot_be_compared_is_counted_and_the_judge_goes_on(caplog):
    world = World(pair(outcome(), outcome(b"raise")), pair())
    assert world.turn()
    assert world.judge.failures == 1
    assert "a pair could not be judged" in caplog.text
    assert len(world.court.unequal_pairs) == 1


def test_evidence_that_fails_is_counted_and_the_judge_goes_on(caplog):
    world = World(pair(), pair())
    world.evidence.fails["add"] = 1
    assert world.turn()
    assert world.judge.failures == 2
    assert len(world.court.unequal_pairs) == 2


def test_a_repeat_that_a_does_not_answer_is_refused_and_a_is_left_alone():
    asker = FakeAsker(a=outcome(b"", 0, "timeout"), canary=outcome())
    world = World(pair(), pair(), asker=asker, limits=RepeatLimits(per_second=1))
    for _ in range(3):
        world.turn()
    assert len(world.asker.asked) == 2
    assert [ask.pair.number for ask in world.court.refusals] == [2]  # the newest is asked first
    assert world.court.confirmations == []


def test_a_repeat_that_a_fails_to_answer_again_is_an_outcome():
    failed = outcome(b"", 0, "timeout")
    world = World(pair(failed), asker=FakeAsker(a=failed, canary=outcome()))
    for _ in range(3):
        world.turn()
    assert len(world.court.confirmations) == 1


def test_a_thread_that_cannot_be_started_refuses_the_repeat():
    def fail(work):
        raise RuntimeError("can't start new thread")

    world = World(pair())
    world.judge._asking._start = fail
    for _ in range(3):
        world.turn()
    assert len(world.court.refusals) == 1
    assert world.judge._asking.idle


def test_a_court_may_ask_once_more_later():
    world = World(pair())
    world.turn()
    world.turn()
    world.court.further = Wish(pair(), 1090.0, delayed=True)
    world.turn()
    world.court.further = None
    assert len(world.asker.asked) == 2
    world.turn(90.0)
    world.turn()
    assert len(world.asker.asked) == 4
    assert [again.delayed for _, again, _ in world.court.confirmations] == [False, True]


def test_a_request_that_must_not_be_repeated_is_refused():
    world = World(pair(method="POST"))
    world.turn()
    world.turn()
    assert world.asker.asked == []
    assert len(world.court.refusals) == 1


def test_a_wish_that_expires_is_refused():
    world = World(pair(), limits=RepeatLimits(warm_up=0))
    world.turn()
    world.turn(100.0)
    assert len(world.court.refusals) == 1


def test_many_pairs_do_not_keep_the_judge_from_looking_at_a():
    world = World(*[pair()] * 10, limits=RepeatLimits(per_second=0))
    looks = []
    world.observed.primary = lambda: looks.append(world.court.seen) or FakeObserved().primary()
    judged = world.court.unequal

    def slowly(*arguments):
        world.clock.now += 1.0
        return judged(*arguments)

    world.court.unequal = slowly
    while world.court.seen < 10:
        world.judge.turn()
    assert looks == [2, 5, 8, 10]


def test_a_report_that_takes_long_is_made_less_often():
    world = World()
    spent = iter([0.0, 0.0, 0.5, *[0.5] * 1000])
    world.judge._pace = Pace(1.0, lambda: next(spent))
    looks = []
    world.observed.primary = lambda: looks.append(1) or FakeObserved().primary()
    for _ in range(11):
        world.turn()
    assert len(looks) == 11
    assert len(world.evidence.reports) == 2  # half a second each: one in ten seconds


def test_each_second_a_report_is_published():
    world = World()
    world.turn(0.5)
    assert len(world.evidence.reports) == 1
    world.turn(0.5)
    assert len(world.evidence.reports) == 1
    world.turn(0.6)
    assert len(world.evidence.reports) == 2
    assert world.evidence.reports[-1][0].word == NOT_YET


def test_a_clock_that_is_set_back_does_not_stop_the_reports():
    world = World()
    world.turn()
    world.turn(-5000.0)
    assert len(world.evidence.reports) == 2


def test_each_change_of_the_verdict_is_one_line_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    world = World()
    world.turn()
    world.turn()
    world.court.word = NO
    world.turn()
    world.turn()
    said = [(record.levelname, record.message) for record in caplog.records]
    assert said == [
        ("INFO", "B canary: the verdict is NOT YET: no more"),
        ("WARNING", "B canary: the verdict is NO: no more"),
    ]


def test_the_report_has_the_repeats_and_what_the_workers_counted():
    sums = {"GET /": RouteSums(requests=5, equal=4, unequal=1)}
    world = World(pair(), observed=FakeObserved(by_route=sums, whole=Counts(10, 9)))
    for _ in range(3):
        world.turn()
    assert world.court.reported == (sums, Counts(10, 9, 1))


def test_beside_the_reports_stands_what_the_judge_could_not_do():
    world = World(pair(), pair(method="POST"), pair(outcome(), outcome(b"raise")), pair(backend="gone"))
    world.reader.dropped = 5
    world.turn()
    world.turn()
    assert world.evidence.more["judge"] == {
        "pid": os.getpid(),
        "thread": False,
        "began": 1000.0,
        "failures": 1,
        "strange": 1,
        "dropped": 5,
        "repeats": {"made": 1, "waiting": 0, "refused": {"method": 1}},
    }


def test_a_second_judge_goes_on_where_the_first_one_ended(caplog):
    caplog.set_level(logging.INFO)
    first = World(pair(), pair())
    first.turn()
    first.judge.end()
    assert first.evidence.closed
    assert first.asker.closed
    assert len(first.court.refusals) == 2  # what waited
    caplog.clear()
    second = World(pair(), evidence=first.evidence, clock=Clock(2000.0))
    second.turn()
    assert second.court.seen == 3
    assert second.evidence.added[-1][0].number == 3
    assert caplog.text == ""  # the verdict has not changed


def test_at_its_end_the_judge_takes_what_has_arrived():
    world = World(pair(), pair(outcome(), outcome(b"raise")))
    world.judge.end()
    assert world.court.seen == 1
    assert world.judge.failures == 1
    assert world.evidence.documents["case canary"]["court"] == {"seen": 1}


def test_a_changed_b_begins_a_new_chapter():
    sums = {"GET /": RouteSums(requests=5, equal=4)}
    first = World(pair(), observed=FakeObserved(by_route=sums))
    first.turn()
    first.judge.end()
    more = {"GET /": RouteSums(requests=7, equal=5)}
    second = World(evidence=first.evidence, observed=FakeObserved(by_route=sums), fingerprint="another")
    assert second.court.seen == 0
    second.observed.by_route = more
    second.turn()
    assert second.court.reported[0] == {"GET /": RouteSums(requests=2, equal=1)}


def test_each_run_of_the_tee_may_begin_a_new_chapter():
    evidence = FakeEvidence()
    for run, seen in [("first", 1), ("first", 2), ("second", 1)]:
        world = World(pair(), evidence=evidence, observed=FakeObserved(run), reset=True)
        world.judge.end()
        assert world.court.seen == seen
    world = World(pair(), evidence=evidence, observed=FakeObserved("third"))
    world.judge.end()
    assert world.court.seen == 2


def test_a_state_that_cannot_be_used_is_left_aside(caplog):
    first = World(pair())
    first.judge.end()
    first.evidence.documents["case canary"]["court"] = ["damaged"]
    second = World(evidence=first.evidence)
    assert second.court.seen == 0
    assert "begins anew" in caplog.text


def test_a_judge_that_is_short_of_memory_saves_all_and_ends():
    world = World(pair())
    world.short = True
    world.clock.now += 1.0
    world.judge.run()
    assert world.evidence.documents["case canary"]["court"] == {"seen": 1}


def test_a_judge_runs_while_it_is_wanted():
    world = World(pair())
    turns = iter([True, True, False])
    world.judge.run(lambda: next(turns))
    assert world.court.seen == 1
    assert world.evidence.documents["repeats"] == {"made": 0}


USERS = "GET /users/{name}"


def test_a_pair_is_judged_under_the_name_that_its_route_has_by_now():
    world = World(observed=FakeObserved(by_route={USERS: RouteSums(requests=1)}))
    world.turn()
    world.reader.pairs.append(replace(pair(), route="GET /users/bob"))
    world.turn()
    ((judged, _),) = world.court.unequal_pairs
    assert judged.route == world.evidence.added[0][0].route == USERS
    assert world.court.name_of("GET /users/bob") == USERS


def test_routes_that_worker_processes_name_differently_are_reported_as_one():
    by_route = {"GET /users/bob": RouteSums(requests=2, equal=1), USERS: RouteSums(requests=5, equal=4)}
    world = World(observed=FakeObserved(by_route=by_route))
    world.observed.names = lambda: [["GET /users/bob"], [USERS]]
    world.turn()
    assert world.court.reported[0] == {USERS: RouteSums(requests=7, equal=5)}
    assert world.evidence.documents["case canary"]["now"]["sums"].keys() == {USERS}


def test_what_an_earlier_run_has_learned_of_the_routes_is_known():
    first = World(observed=FakeObserved("first", by_route={USERS: RouteSums(requests=5)}))
    first.turn()
    first.judge.end()
    later = FakeObserved("second", by_route={"GET /users/bob": RouteSums(requests=1)})
    second = World(evidence=first.evidence, observed=later)
    second.turn()
    assert second.court.reported[0] == {USERS: RouteSums(requests=6)}


def test_a_repeat_for_a_route_that_was_folded_is_judged_and_its_refusal_is_not():
    bob, ann = (replace(pair(), route=f"GET /users/{name}") for name in ("bob", "ann"))
    world = World(bob, ann, limits=RepeatLimits(per_second=1))
    world.turn()
    world.observed.by_route = {USERS: RouteSums(requests=2)}
    for _ in range(2):
        world.turn(1.1)
    assert [confirmed.route for confirmed, _, _ in world.court.confirmations] == [USERS]
    world.judge.end()
    assert world.court.refusals == []
