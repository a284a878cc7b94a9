"""Several courts that are merged say the same as one that has seen everything."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee.compare import differences
from httptee.verdict.court import Court, Policy, RouteSums
from httptee.verdict.fleet.adding import Fleet
from httptee.verdict.fleet.docket import Docket, decoded, encoded
from httptee.verdict.fleet.document import Lost
from httptee.verdict.fleet.merging import lost, merged_reports
from httptee.verdict.fleet.parting import partition_of
from httptee.verdict.judge import Trial
from tests.verdict.court.cases import NOW, pair
from tests.verdict.fleet.fakes import tee

ROUTES = ("GET /a", "GET /a/{int}", "POST /a", "GET /b/c/{int}", "other", "GET /d")
VALUES = st.sampled_from([{"x": 1}, {"x": 2}, {"y": "z"}, {"x": 1, "y": [1, 2]}, [1]])
ONES = st.tuples(st.sampled_from(ROUTES), VALUES, VALUES)


def trial(name="b"):
    return Trial(name, "f", lambda chapter, state: Court(Policy(name, chapter, repeat=False), Random(1), state))


def same(name):
    return name


def counts(pairs):
    return {route: RouteSums(n, n, 0, n) for route in ROUTES if (n := sum(one[0] == route for one in pairs))}


def fleet_of(pairs):
    found = tee(more=counts(pairs))
    found.backends["b"] = found.backends.pop("canary")
    return Fleet([found])


def heard(dockets, route, a, b, at):
    docket = dockets[partition_of(route, len(dockets))]
    one = pair(a, b, docket.pair_number(), at, route)
    docket.hearings["b"].court.unequal(one, differences(one.a, one.b))


def shown(report):
    """The report without the numbers of the pairs."""
    return [
        [
            *(route.route, route.word, route.judged, route.equal, route.unexplained, route.bound),
            *((one.id, one.label, one.pairs, one.evidence, one.a, one.b) for one in route.findings),
        ]
        for route in report.routes
    ]


@settings(deadline=None)
@given(st.lists(ONES, max_size=60), st.integers(1, 7))
def test_courts_of_partitions_say_the_same_as_one_court(pairs, partitions):
    one, many = ([Docket(number, size, [trial()]) for number in range(size)] for size in (1, partitions))
    for number, (route, a, b) in enumerate(pairs):
        heard(one, route, a, b, NOW + number)
        heard(many, route, a, b, NOW + number)
    whole, merged = (
        merged_reports([trial()], [decoded(encoded(each.state())) for each in dockets], fleet_of(pairs), same, NOW)
        for dockets in (one, many)
    )
    assert shown(whole[0]) == shown(merged[0])
    assert (whole[0].word, whole[0].summary, whole[0].missing) == (
        merged[0].word,
        merged[0].summary,
        merged[0].missing,
    )
    assert whole[0].since == merged[0].since


@settings(deadline=None)
@given(st.lists(ONES, max_size=40), st.integers(0, 40))
def test_a_court_that_is_saved_and_goes_on_elsewhere_says_the_same(pairs, cut):
    kept = Docket(0, 1, [trial()])
    for number, (route, a, b) in enumerate(pairs):
        if number == cut:
            kept = Docket(0, 1, [trial()], decoded(encoded(kept.state())))
        heard([kept], route, a, b, NOW + number)
    straight = Docket(0, 1, [trial()])
    for number, (route, a, b) in enumerate(pairs):
        heard([straight], route, a, b, NOW + number)
    first, second = (
        merged_reports([trial()], [each.state()], fleet_of(pairs), same, NOW)[0] for each in (kept, straight)
    )
    assert shown(first) == shown(second)


def test_no_two_partitions_give_one_number():
    dockets = [Docket(number, 3, [trial()]) for number in range(3)]
    numbers = {docket.pair_number() for docket in dockets for _ in range(10)}
    assert len(numbers) == 30
    again = Docket(1, 3, [trial()], decoded(encoded(dockets[1].state())))
    assert again.pair_number() not in numbers


def test_routes_that_are_one_are_merged():
    docket = Docket(0, 1, [trial()])
    heard([docket], "GET /a", {"x": 1}, {"x": 2}, NOW)
    heard([docket], "GET /b", {"x": 1}, {"x": 2}, NOW)
    fleet = fleet_of([("GET /a", 1, 2), ("GET /d", 1, 2)])
    (report,) = merged_reports([trial()], [docket.state()], fleet, lambda _: "GET /{name}", NOW)
    (route,) = report.routes
    assert (route.route, route.judged, route.findings[0].pairs) == ("GET /{name}", 2, 2)


def test_what_was_lost_on_the_way_is_said_with_its_time():
    docket = Docket(0, 1, [trial()])
    docket.lost += Lost(3, 1_700_000_000.0, 1_700_000_060.0)
    docket.strange = 2
    (report,) = merged_reports([trial()], [docket.state()], fleet_of([]), same, NOW)
    assert report.notes[-2:] == (
        "3 pairs of the time from 2023-11-14 22:13:20 UTC to 2023-11-14 22:14:20 UTC were lost on the way to "
        "the judges: they are taken to be like the others",
        "2 messages were no pair, or of a B that the judges do not know",
    )
    assert lost([docket.state()], Fleet()) == Lost(3, 1_700_000_000.0, 1_700_000_060.0)


def test_tees_with_another_b_of_the_same_name_are_noted():
    fleet = fleet_of([])
    (one,) = fleet.documents
    for fingerprint, noted in (("f", 0), ("", 0), ("other", 1)):
        one.backends["b"] = replace(one.backends["b"], fingerprint=fingerprint)
        (report,) = merged_reports([trial()], [], fleet, same, NOW)
        assert sum("1 of 1 runs of tees had another address" in note for note in report.notes) == noted


def test_pairs_that_did_not_arrive_are_counted_as_not_judged():
    (report,) = merged_reports([trial()], [], fleet_of([("GET /a", 1, 2)] * 5), same, NOW)
    assert any("5 unequal pairs have not" in note for note in report.notes)
    assert report.routes[0].unexplained == 5


def test_the_state_of_a_b_that_this_judge_does_not_know_is_kept():
    docket = Docket(0, 1, [trial("b"), trial("c")])
    kept = Docket(0, 1, [trial("b")], docket.state())
    assert kept.state()["cases"].keys() == {"b", "c"}


@pytest.mark.parametrize("data", [b"x", encoded({}), encoded({"version": 9})])
def test_what_is_no_state_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        decoded(data)


def test_no_state_is_none():
    assert decoded(None) is None
    assert decoded(b"") is None
