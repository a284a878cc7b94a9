"""The verdict as metrics."""

import subprocess

from httptee.admin.judged import Judged
from httptee.admin.metrics import LedgerCollector, exposition
from httptee.admin.verdict_metrics import MOST_ROUTES, Shown
from httptee.ledger import Ledger
from httptee.verdict.court import RouteSums
from tests.admin.test_metrics import counts
from tests.support.net import require
from tests.verdict.evidence.made import finding, latency, report, route


def shown(found):
    collector = LedgerCollector(Ledger(["b"]), 0.0, lambda: found)
    return counts(exposition(collector).decode())


def sums(chosen=0, equal=0, unequal=0, lost=0):
    return RouteSums(requests=chosen, chosen=chosen, equal=equal, unequal=unequal, lost=lost)


def full():
    """Of a B that is not the same, and of one without a report."""
    findings = [finding("differs", pairs=20), finding("noise", "$.at", pairs=7), finding("noise", "$.id", pairs=3)]
    routes = [
        route("GET /x", "NO", findings, bound=0.25, latency=latency("slower in the tail")),
        route("GET /y", "YES", bound=0.001),
    ]
    return Judged(
        {"at": 1000.0, "judge": {"pid": 1, "failures": 2, "strange": 3, "dropped": 4}},
        reports={"b": report("NO", "b", routes)},
        backends=("b", "c"),
        sums={"b": {"GET /x": sums(30, 8, 20, 1), "GET /y": sums(9, 9)}, "gone": {"GET /x": sums(1)}},
        missed={"b": 6, "gone": 0},
    )


def test_the_verdict_is_a_number_by_b_and_by_route():
    found = shown(full())
    assert (found['httptee_verdict{backend="b"}'], found['httptee_verdict{backend="c"}']) == (-1, 0)
    assert 'httptee_verdict{backend="gone"}' not in found
    assert found['httptee_verdict_route{backend="b",route="GET /x"}'] == -1
    assert found['httptee_verdict_route{backend="b",route="GET /y"}'] == 1
    assert found['httptee_verdict_bound_ratio{backend="b",route="GET /x"}'] == 0.25
    assert found['httptee_verdict_latency{backend="b",label="slower in the tail",route="GET /x"}'] == 1
    assert found['httptee_verdict_latency{backend="b",label="within",route="GET /y"}'] == 1
    assert found['httptee_verdict_differing_pairs{backend="b",label="differs",route="GET /x"}'] == 20
    assert found['httptee_verdict_differing_pairs{backend="b",label="noise",route="GET /x"}'] == 10
    assert found['httptee_verdict_repeats_total{backend="b"}'] == 17


def test_the_counts_of_the_worker_processes_are_there_also_for_a_b_that_is_gone():
    found = shown(full())
    x = 'backend="b",route="GET /x"'
    assert found[f"httptee_verdict_chosen_total{{{x}}}"] == 30
    assert found['httptee_verdict_judged_total{backend="b",result="matched",route="GET /x"}'] == 8
    assert found['httptee_verdict_judged_total{backend="b",result="mismatched",route="GET /x"}'] == 20
    assert found[f"httptee_verdict_lost_total{{{x}}}"] == 1
    assert found['httptee_verdict_writes_missed_total{backend="b"}'] == 6
    assert found['httptee_verdict_chosen_total{backend="gone",route="GET /x"}'] == 1


def test_the_judge_is_watched():
    found = shown(full())
    assert found["httptee_verdict_report_timestamp_seconds"] == 1000.0
    assert found["httptee_verdict_judge_failures_total"] == 2
    assert found['httptee_verdict_dropped_total{reason="unknown_backend"}'] == 3
    assert found['httptee_verdict_dropped_total{reason="incomplete"}'] == 4
    assert found["httptee_verdict_judge_up"] == 0  # no report for long


def test_without_a_judge_there_are_still_the_counts():
    found = shown(Judged(error="no such directory", backends=("b",), sums={"b": {"GET /x": sums(30, 8)}}))
    assert found['httptee_verdict_chosen_total{backend="b",route="GET /x"}'] == 30
    assert found['httptee_verdict{backend="b"}'] == 0
    assert (found["httptee_verdict_judge_up"], found["httptee_verdict_report_timestamp_seconds"]) == (0, 0)


def test_without_a_comparison_there_is_no_verdict():
    text = exposition(LedgerCollector(Ledger(["b"]), 0.0)).decode()
    assert "httptee_verdict" not in text


def test_of_many_routes_those_with_the_most_requests_are_shown_and_the_worst_of_the_others():
    routes = [route(f"GET /{number}", "YES", bound=0.1) for number in range(500)]
    routes[3] = route("GET /3", "NO", [finding(pairs=5)], bound=0.7, latency=latency("slower"))
    every = {each.route: sums(1000 + number) for number, each in enumerate(routes)}
    found = shown(Judged({"at": 1.0}, reports={"b": report("NO", "b", routes)}, backends=("b",), sums={"b": every}))
    chosen = {name: count for name, count in found.items() if name.startswith("httptee_verdict_chosen_total")}
    assert len(chosen) == MOST_ROUTES + 1
    assert sum(chosen.values()) == sum(each.chosen for each in every.values())
    assert found['httptee_verdict_chosen_total{backend="b",route="GET /499"}'] == 1499
    other = 'backend="b",route="other"'
    assert found[f"httptee_verdict_route{{{other}}}"] == -1
    assert found[f"httptee_verdict_bound_ratio{{{other}}}"] == 0.7
    assert found['httptee_verdict_latency{backend="b",label="slower",route="other"}'] == 1
    assert found['httptee_verdict_differing_pairs{backend="b",label="differs",route="other"}'] == 5
    assert sum(name.startswith("httptee_verdict_route{") for name in found) == MOST_ROUTES + 1


def test_a_route_keeps_its_place_whatever_the_traffic():
    places = Shown(2)
    assert [places.of("b", {"a": 1, "b": 5, "c": 3})(name) for name in "abc"] == ["other", "b", "c"]
    assert [places.of("b", {"a": 99, "b": 5, "c": 3})(name) for name in "abc"] == ["other", "b", "c"]
    assert places.of("another", {"a": 1})("a") == "a"


def test_the_place_of_a_route_that_is_no_longer_counted_is_for_a_new_one():
    places = Shown(2)
    places.of("b", {"a": 3, "b": 2, "c": 1})
    after = places.of("b", {"a": 3, "c": 9, "d": 1})
    assert [after(name) for name in "acd"] == ["a", "other", "d"]


def test_promtool_finds_nothing_to_say():
    text = exposition(LedgerCollector(Ledger(["b"]), 0.0, full)).decode()
    checked = subprocess.run(
        [require("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
