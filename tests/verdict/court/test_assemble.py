from random import Random

import pytest

from httptee.compare import differences
from httptee.verdict.court import Court
from httptee.verdict.court.latency import BUCKETS, bucket
from httptee.verdict.court.policy import Counts, Policy
from httptee.verdict.court.report import NO, NOT_YET, YES
from httptee.verdict.court.rules import Rules
from httptee.verdict.court.sums import RouteSums
from tests.verdict.court.cases import NOW, ROUTE, again, answer, blocks, failed, pair

ALL = Counts(offered=1000, delivered=1000, chosen=1000, judged=1000)


def sums(equal=1000, unequal=0, **changed):
    times = [0] * BUCKETS
    times[bucket(0.01)] = equal + unequal
    count = equal + unequal
    values = {"requests": count, "chosen": count, "equal": equal, "unequal": unequal}
    return RouteSums(**{**values, **blocks(quick=40), "a_times": times, "b_times": times, **changed})


def judged(pairs, repeats=0, **changed):
    """A court that has seen these pairs of bodies, and confirmations in which nothing has changed."""
    judge = Court(Policy(**{"delta": 0.01, **changed}), Random(1))
    for number, (a, b) in enumerate(pairs):
        one = pair(a, b, number, NOW + number)
        found = differences(one.a, one.b)
        judge.unequal(one, found)
        if number < repeats:
            judge.confirmed(one, again(one.a, one.b), found)
    return judge


def report(routes, pairs=(), counts=ALL, repeats=0, **changed):
    return judged(pairs, repeats, **changed).report(routes, counts, NOW + 100)


def test_equal_answers_and_times_are_a_yes():
    found = report({ROUTE: sums()})
    [route] = found.routes
    assert (found.word, route.word, route.latency.label) == (
        YES,
        YES,
        "within",
    )
    assert (found.missing, found.notes, route.unexplained, route.more) == ((), (), 0, 0)
    assert route.bound < 0.01
    assert found.summary == "YES: B answers as A does in all but at most 1 % of the requests"


def test_a_route_that_differs_awaits_nothing():
    [route] = report({ROUTE: sums(980, 20)}, [({"x": n}, {"x": n + 1}) for n in range(20)], repeats=20).routes
    assert (route.word, route.missing, route.more) == (NO, (), 0)


def test_a_difference_is_a_no():
    found = report({ROUTE: sums(980, 20)}, [({"x": n}, {"x": n + 1}) for n in range(20)], repeats=20)
    [route] = found.routes
    [finding] = route.findings
    assert (found.word, route.word, finding.label) == (NO, NO, "differs")
    assert (finding.pairs, finding.share, finding.a, finding.b) == (20, 0.02, "0", "1")
    assert finding.examples == (0, 1, 2, 3, 4)
    assert finding.evidence > 5000
    assert finding.line == "accept='GET /users/{int} body $.x'"
    assert found.summary == "NO: GET /users/{int} differs in body $.x value"


def test_a_failure_of_b_is_a_difference():
    found = report({ROUTE: sums(980, 20)}, [({"x": 1}, failed())] * 20, repeats=20)
    assert found.summary == "NO: GET /users/{int} differs in outcome value"


def test_slower_is_a_no():
    found = report({ROUTE: sums(**blocks(36, 2))})
    assert (found.word, found.summary) == (NO, "NO: GET /users/{int} is slower")


def test_too_few_pairs_are_a_not_yet_with_the_number_that_is_missing():
    found = report({ROUTE: sums(400)})
    [route] = found.routes
    assert (found.word, route.more) == (NOT_YET, 72)
    assert "about 72 more pairs without a mismatch" in route.missing[0]
    assert found.summary.endswith("; about 72 more requests")


def test_mismatches_that_nothing_explains_need_more_pairs():
    found = report({ROUTE: sums(995, 5)}, [({"x": n}, {"x": n + 1}) for n in range(5)])
    [route] = found.routes
    assert (route.unexplained, route.word) == (5, NOT_YET)
    assert route.bound > 0.01
    assert route.more > 400
    assert route.missing[0].startswith("undecided: body $.x value: ")


def test_too_few_blocks_of_times_are_a_not_yet():
    [route] = report({ROUTE: sums(**blocks(quick=5))}).routes
    assert route.word == NOT_YET
    assert "more blocks of times" in route.missing[0]
    assert route.more >= 6 * 10


def test_lost_pairs_count_as_far_as_the_others_are_unexplained():
    [route] = report({ROUTE: sums(980, 20, lost=10)}, [({"x": 1}, {"x": 2})] * 10).routes
    assert route.unexplained == 20
    assert report({ROUTE: sums(980, 20, lost=20)}).routes[0].unexplained == 20


CONSTANT = [({"host": "a1", "x": 1}, {"host": "b1", "x": 1})] * 600


def test_pairs_that_have_not_reached_the_judge_are_noted():
    found = report({ROUTE: sums(980, 20), "GET /other": sums(5, 3)}, [({"x": n}, {"x": n + 1}) for n in range(4)])
    assert found.notes == ("19 unequal pairs have not reached the judge: they are taken to be like the others",)
    assert report({ROUTE: sums(996, 4)}, [({"x": n}, {"x": n + 1}) for n in range(4)]).notes == ()


def test_a_constant_must_be_accepted():
    found = report({ROUTE: sums(0, 600)}, CONSTANT)
    [route] = found.routes
    assert (found.word, route.findings[0].label, route.unexplained) == (NOT_YET, "constant", 0)
    assert "accept='GET /users/{int} body $.host'" in route.missing[0]
    assert route.more is None
    assert report({ROUTE: sums(0, 600)}, CONSTANT, rules=Rules.parse(["accept=body $.host"])).word == YES


def test_a_constant_is_one_beside_answers_that_cannot_be_compared():
    failures = [(answer({"x": 1}), failed())] * 20 + [(answer({"x": 1}), answer({"x": 1}, 500))] * 20
    [route] = report({ROUTE: sums(0, 640)}, [*CONSTANT, *failures]).routes
    assert {one.path: one.label for one in route.findings}["$.host"] == "constant"


def test_a_constant_header_of_one_route_is_accepted_there_only():
    pairs = [(answer({}, X_Kind="a"), answer({}, X_Kind="b"))] * 30
    [route] = report({ROUTE: sums(0, 30)}, pairs).routes
    assert route.findings[0].line == "accept='GET /users/{int} header x-kind'"


def test_ignored_differences_are_shown_with_the_reason():
    rules = Rules.parse(["ignore=body $.host # two machines"])
    [route] = report({ROUTE: sums(0, 600)}, CONSTANT, rules=rules).routes
    assert (route.word, route.findings[0].label, route.findings[0].reason) == (YES, "ignored", "two machines")


def test_a_constant_header_is_accepted_on_all_routes():
    pairs = [(pair({}, {}).a, pair({}, {}).a)] * 30
    pairs = [(a.__class__(200, [("Server", "x")], b""), b.__class__(200, [("Server", "y")], b"")) for a, b in pairs]
    [route] = report({ROUTE: sums(0, 30)}, pairs).routes
    assert route.findings[0].line == "accept='header server'"


def test_rare_routes_need_not_be_decided():
    found = report({ROUTE: sums(2000), "GET /rare": sums(10, **blocks())})
    assert [route.word for route in found.routes] == [YES, NOT_YET]
    assert found.word == YES


def test_most_of_what_was_offered_must_have_been_judged():
    found = report({ROUTE: sums()}, counts=Counts(offered=1000, delivered=900, chosen=900, judged=900))
    assert found.word == NOT_YET
    assert found.missing == ("90.0% of the clones offered to B were delivered and judged; it takes 95%",)
    assert "the verdict speaks of the 90.0% of the clones" in found.notes[0]


def test_pairs_that_were_left_out_before_b_answered_do_no_harm():
    assert report({ROUTE: sums()}, counts=Counts(offered=1000, delivered=1000, chosen=100, judged=100)).word == YES


def test_writes_that_b_did_not_get_are_noted():
    found = report({ROUTE: sums()}, counts=Counts(1000, 1000, 1000, 1000, 3, 7))
    assert (found.repeats, found.notes) == (3, ("B's state may lag: 7 writes not delivered",))


def test_repeats_that_are_off_are_noted():
    assert "never asked again" in report({ROUTE: sums()}, repeat=False).notes[0]


def test_without_any_request_it_is_not_yet():
    found = report({}, counts=Counts())
    assert (found.word, found.routes) == (NOT_YET, ())


def test_routes_with_the_most_requests_come_first():
    found = report({"GET /b": sums(10), "GET /a": sums(10), "GET /c": sums(80)})
    assert [(route.route, route.share) for route in found.routes] == [("GET /c", 0.8), ("GET /a", 0.1), ("GET /b", 0.1)]


def test_ids_are_short_and_stable():
    pairs = [({"x": 1, "y": 1}, {"x": 2, "y": 2})]
    first, second = (report({ROUTE: sums(9, 1)}, pairs).routes[0].findings for _ in range(2))
    assert [one.id for one in first] == [one.id for one in second]
    assert len({one.id for one in first}) == 2
    assert all(len(one.id) == 8 for one in first)


@pytest.mark.parametrize(("missing", "kind"), [({"x": 1}, "missing"), ({}, "extra")])
def test_what_one_side_lacks_has_no_example_there(missing, kind):
    other = {} if missing else {"x": 1}
    [finding] = report({ROUTE: sums(9, 1)}, [(missing, other)]).routes[0].findings
    assert (finding.kind, finding.a, finding.b) == (kind, "1" if missing else "", "" if missing else "1")


def test_a_late_value_need_not_be_one_that_a_has_shown():
    judge = judged([])
    for number in range(40):
        one = pair({"x": f"new{number % 2}"}, {"x": f"old{number}"}, number, NOW + number)
        found = differences(one.a, one.b)
        judge.unequal(one, found)
        judge.confirmed(one, again(one.a, one.a, more=[one.a] * 16), found)
    [route, _] = judge.report({ROUTE: sums(960, 40), "POST /a": sums(1)}, ALL, NOW + 100).routes
    assert (route.findings[0].label, route.unexplained) == ("late", 0)
