import json
from dataclasses import replace
from random import Random

import pytest

from httptee.compare import differences
from httptee.verdict.court.court import MOST_ROUTES, Ask, Court
from httptee.verdict.court.policy import Counts, Policy
from httptee.verdict.court.rules import Rules
from httptee.verdict.court.sums import RouteSums
from tests.verdict.court.cases import NOW, ROUTE, Service, again, answer, pair, played

NOISE = {"$.request_id": "noise", "$.took_ms": "noise", "$.shard": "noise"}


def court(**changed):
    return Court(Policy(**changed), Random(1))


def labels(judge, route=ROUTE, requests=2000):
    sums = {route: RouteSums(requests=requests, chosen=requests, unequal=requests), "POST /a": RouteSums(requests=5)}
    report = judge.report(sums, Counts(), NOW)
    return {(f.path, f.kind): f.label for each in report.routes if each.route == route for f in each.findings}


def given(judge, a, b, **changed):
    one = pair(a, b, **changed)
    return judge.unequal(one, differences(one.a, one.b))


def confirmed(judge, wish, a2, b2, **changed):
    one = wish.pair
    return judge.confirmed(one, again(a2, b2, **changed), differences(one.a, one.b))


def test_a_mismatch_is_asked_again_a_second_later():
    wish = given(court(), {"x": 1}, {"x": 2})
    assert (wish.delayed, wish.due) == (False, NOW + 1.01)
    assert wish.priority > 1


@pytest.mark.parametrize("changed", [{"repeat": False}, {"rules": Rules.parse(["ignore=body $.x"])}])
def test_what_may_not_or_need_not_be_asked_again_is_only_counted(changed):
    judge = Court(Policy(**changed), Random(3))
    assert given(judge, {"x": 1}, {"x": 2}) is None
    assert labels(judge)[("$.x", "value")] in ("suspected", "ignored")


def test_writes_are_never_asked_again():
    judge = court()
    assert given(judge, {"x": 1}, {"x": 2}, route="POST /users") is None
    assert labels(judge, "POST /users")[("$.x", "value")] == "suspected"


def test_an_equal_pair_of_the_sample_is_asked_again_and_not_counted():
    judge = court()
    wish = judge.unequal(pair({"x": 1}, {"x": 1}, extra=True), [])
    assert wish.priority == 1.0
    confirmed(judge, wish, {"x": 2}, {"x": 1})
    assert labels(judge) == {}


def test_sixteen_confirmations_in_a_row_are_a_difference():
    judge = court()
    for number in range(16):
        assert labels(judge).get(("$.x", "value")) != "differs"
        wish = given(judge, {"x": number}, {"x": number + 1}, at=NOW + 10 * number)
        confirmed(judge, wish, {"x": number}, {"x": number + 1})
    assert labels(judge)[("$.x", "value")] == "differs"


def with_uuids():
    """A court that has seen a uuid differ sixteen times, and its wishes to ask again much later."""
    judge, further = court(), []
    for number in range(16):
        a, b = (f"6f9619ff-8b86-d011-b42d-00c04fc9{side}{number:02}" for side in ("6a", "7b"))
        wish = given(judge, {"x": a}, {"x": b}, at=NOW + 15 * number)
        later = confirmed(judge, wish, {"x": a}, {"x": b}, at=NOW + 15 * number + 1)
        further += [later] if later else []
    return judge, further


def test_a_uuid_that_differs_is_asked_again_much_later():
    judge, further = with_uuids()
    assert labels(judge)[("$.x", "value")] == "undecided"
    assert [wish.due - wish.pair.at for wish in further[:3]] == [91.0] * 3
    for wish in further[:3]:
        assert confirmed(judge, wish, json.loads(wish.pair.a.body), {"x": 0}, delayed=True) is None
    assert labels(judge)[("$.x", "value")] == "differs"


def test_what_waits_for_a_later_answer_is_no_difference_when_all_such_wishes_are_refused():
    judge, further = with_uuids()
    for wish in further:  # as at the end of a judge
        judge.refused(wish)
    assert labels(judge)[("$.x", "value")] == "undecided"


def test_a_refused_wish_may_be_made_again():
    judge = court()
    wishes = [given(judge, {"x": number}, {"x": -1}) for number in range(40)]
    assert sum(wish is not None for wish in wishes) < 12
    for wish in filter(None, wishes):
        judge.refused(wish)
    assert given(judge, {"x": 41}, {"x": -1}) is not None


def test_what_is_always_refused_is_suspected():
    judge = court()
    for _ in range(5):
        if wish := given(judge, {"x": 1}, {"x": 2}):
            judge.refused(wish)
    assert labels(judge)[("$.x", "value")] == "suspected"


def test_where_b_may_be_late_b_alone_is_asked_further():
    judge = court()
    wish = given(judge, {"x": 1}, {"x": 0})
    assert wish.more == 0
    confirmed(judge, wish, {"x": 1}, {"x": 1})
    assert given(judge, {"x": 1}, {"x": 0}).more == 4
    assert given(judge, {"x": 1, "y": 1}, {"x": 1, "y": 2}).more == 4  # what B says here tells of x as well


def test_that_b_agrees_again_does_not_explain_a_rare_race():
    judge = court()
    for number in range(8):
        wish = given(judge, {"x": 1}, {"x": 0}, at=NOW + 10 * number)
        confirmed(judge, wish, {"x": 1}, {"x": 1}, at=NOW + 10 * number + 1)
    (route,) = judge.report({ROUTE: RouteSums(requests=1000, equal=992, unequal=8)}, Counts(), NOW + 100).routes
    assert (route.unexplained, route.findings[0].label) == (8, "undecided")


def test_routes_are_bounded():
    judge = court()
    for number in range(MOST_ROUTES + 50):
        given(judge, {"x": 1}, {"x": 2}, route=f"GET /{number}")
    assert len(judge.state()["routes"]) == MOST_ROUTES + 1


@pytest.mark.parametrize("seed", range(4))
def test_noise_in_both_raises_no_alarm(seed):
    judge = court()
    played(judge, Service(seed), requests=800, seed=seed)
    found = labels(judge)
    assert "differs" not in found.values()
    assert NOISE.items() <= {path: label for (path, _), label in found.items()}.items()


def defect(name, change, share=1.0, users=lambda user: True):
    def edit(content, random, now):
        if users(content["id"]) and random.random() < share:
            content[name] = change(content, now)

    return edit


DEFECTS = {
    "score value": defect("score", lambda content, now: content["score"] + 0.01),
    "plan value": defect("plan", lambda content, now: "gold", users=lambda user: user % 50 == 7),
    "active type": defect("active", lambda content, now: 1),
    "debug extra": defect("debug", lambda content, now: True),
    "plan type": defect("plan", lambda content, now: None, share=0.2),
    "request_id value": defect("request_id", lambda content, now: "none"),
    "shard value": defect("shard", lambda content, now: "s9", share=0.2),
    "promo value": defect("promo", lambda content, now: now * 10 % 2 < 1),
    "took_ms value": defect("took_ms", lambda content, now: content["took_ms"] * 3),
    "now value": defect("now", lambda content, now: int(now) - 3600),
    "id value": defect("id", lambda content, now: content["id"] + 1, share=0.05),
}


REQUESTS = {"plan value": 1600, "id value": 1600, "shard value": 800, "plan type": 1200}


@pytest.mark.parametrize("name", DEFECTS)
def test_a_planted_defect_is_found_and_nothing_else(name):
    judge = court()
    played(judge, Service(5, DEFECTS[name]), requests=REQUESTS.get(name, 600))
    path, kind = name.split()
    assert {place for place, label in labels(judge).items() if label == "differs"} == {(f"$.{path}", kind)}


def test_without_repeats_nothing_differs_for_certain():
    judge = court(repeat=False)
    played(judge, Service(5, DEFECTS["score value"]), requests=300)
    assert set(labels(judge).values()) == {"suspected"}


def test_the_state_is_restored_exactly_and_goes_on():
    judge = court()
    played(judge, Service(1, DEFECTS["shard value"]), requests=400)
    state = json.loads(json.dumps(judge.state()))
    restored = Court(Policy(), Random(1), state)
    assert restored.state() == judge.state()
    assert labels(restored) == labels(judge)


@pytest.mark.parametrize("state", [{}, {"version": 99}, {"version": 1, "since": 0, "routes": {"GET /": {}}}])
def test_what_is_no_state_is_refused(state):
    with pytest.raises((KeyError, TypeError, ValueError)):
        Court(Policy(), Random(1), state)


def test_the_state_of_a_route_with_many_places_is_small():
    judge = court()
    for number in range(300):
        given(judge, {f"k{n}": n for n in range(40)}, {f"k{n}": number for n in range(40)}, at=NOW + number)
    assert len(json.dumps(judge.state())) < 60_000


def test_a_wish_is_compared_by_its_values():
    one = pair({"x": 1}, answer({"x": 2}))
    assert Ask(one, 1.0, False, 1.0) == Ask(one, 1.0, False, 1.0, 0, ())


def test_confirmations_of_two_routes_that_are_one_are_added():
    judge = court()
    for number in range(16):
        route = ("GET /users/ann", "GET /users/bob")[number % 2]
        wish = given(judge, {"x": number}, {"x": number + 1}, at=NOW + 10 * number, route=route)
        confirmed(judge, wish, {"x": number}, {"x": number + 1})
    judge.fold(lambda name: "GET /users/{name}")
    assert list(judge.state()["routes"]) == ["GET /users/{name}"]
    assert labels(judge, "GET /users/{name}") == {("$.x", "value"): "differs"}


def test_a_route_that_keeps_its_name_is_not_touched():
    judge = court()
    played(judge, Service(1, DEFECTS["score value"]), requests=100)
    before = json.dumps(judge.state())
    judge.fold(lambda name: name)
    assert json.dumps(judge.state()) == before


@pytest.mark.parametrize("defect", ["score value", ""])
def test_a_court_whose_routes_were_folded_says_the_same_as_one_of_one_route(defect):
    one, split = court(repeat=False), court(repeat=False)
    service = Service(2, DEFECTS.get(defect))
    for number in range(300):
        a, b = service.ask("a", number % 9, NOW + number), service.ask("b", number % 9, NOW + number)
        given(one, a, b, number=number, at=NOW + number)
        given(split, a, b, number=number, at=NOW + number, route=f"GET /users/{'xyz'[number % 3]}")
    split.fold(lambda name: ROUTE)

    def shown(judge):
        (route,) = judge.report({ROUTE: RouteSums(requests=300, unequal=300)}, Counts(), NOW).routes
        return route.unexplained, {(each.path, each.kind): (each.pairs, each.label) for each in route.findings}

    assert shown(split) == shown(one)


def test_a_route_that_was_shown_to_be_slower_is_so_also_for_a_later_court_and_by_a_new_name():
    shown = RouteSums(requests=100, equal=100, blocks=30, slower=30, slower_odds=90_000_000)
    weaker = replace(shown, small_stake=34_000_000, middle_stake=71_000_000, large_stake=143_000_000)

    def label(judge, sums, name="GET /a"):
        (found,) = judge.report({name: sums}, Counts(), NOW).routes
        return found.latency.label

    assert label(court(), weaker) == "undecided"
    judge = court()
    assert label(judge, shown) == "slower"
    later = Court(Policy(), Random(1), judge.state())
    assert label(later, weaker) == "slower"
    later.fold(lambda name: "GET /{name}" if name == "GET /a" else name)
    assert label(later, weaker, "GET /{name}") == "slower"
    assert label(later, RouteSums(requests=100, equal=100), "GET /{name}") == "undecided"
