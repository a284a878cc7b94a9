"""The verdict's scenario: its tables, its targets, and the simulation."""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.__main__ import arguments
from bench.programs import measure
from bench.programs.processes import Process
from bench.programs.subjects import Running
from bench.programs.watched import Watched
from bench.reports.figures import Json
from bench.reports.tables import table_text
from bench.scenarios.verdict import cost, judge, simulation
from bench.scenarios.verdict.cost import CONDITIONS, Condition, uncounted
from bench.scenarios.verdict.simulation import Line, cost_table, defect_table, line, planted, same, same_table, sure
from tests.worlds import SHOP
from tests.worlds.play.proof import Plan

CLONES: Json = {"seen": 10, "delivered": 8, "in_flight": 0, "failed_by_reason": {"reset": 1},
                "dropped_by_reason": {"saturated": 1}}  # fmt: skip
REPORT: Json = {"offered": 10, "chosen": 5, "judged": 5}


def played(defect: str = "price", **changed: Any) -> Line:
    """A run as it is kept."""
    plan = Plan("shop", 1, 3000, [defect] if defect else [], third=True)
    values: dict[str, Any] = {
        "word": "NO", "found": True, "found_at": 500, "alarms": (), "suspected": 0, "misnamed": (), "requests": 5000,
        "repeats": 230, "unsafe": 0, "seconds": 0.5, "diffy": (), "missing": (),
    }  # fmt: skip
    return Line(plan, **(values | changed))


def test_all_clones_and_pairs_that_are_settled_are_counted() -> None:
    assert uncounted(CLONES, None) == ""
    assert uncounted(CLONES, REPORT) == ""


@pytest.mark.parametrize(
    ("clones", "report", "wrong"),
    [
        ({"seen": 11}, {"offered": 11}, "11 clones seen, 10 settled"),
        ({}, {"offered": 9}, "10 clones seen, 9 in the report"),
        ({}, {"judged": 4}, "5 pairs chosen, 4 judged"),
    ],
)
def test_what_is_not_counted_is_told(clones: Json, report: Json, wrong: str) -> None:
    assert uncounted(CLONES | clones, REPORT | report) == wrong


def test_the_rows_can_be_chosen() -> None:
    options = arguments().parse_args(["verdict", "--deeds", "runs", "--connections", "32"])
    assert cost.chosen(options) == [Condition(32, False), Condition(32, True)]
    assert cost.chosen(arguments().parse_args(["verdict"])) == list(CONDITIONS)


def test_the_table_of_defects_counts_over_the_seeds() -> None:
    table = defect_table([played(), played(found=False, found_at=None, alarms=("GET / body $.x differs",))])
    assert table["cells"] == [
        ["price", "GET /users/{int}/items body $.items[].price", "1/2", "500", "230", "0/2", "GET / body $.x differs"]
    ]
    assert "| price " in table_text(table)


def test_diffys_rule_is_asked_only_for_what_it_can_see() -> None:
    place = ("GET /users/{int}/items", "body", "$.items[].price")
    assert played(diffy=(place,)).diffy_finds is True
    assert played().diffy_finds is False
    assert played("slower").diffy_finds is None


def test_what_diffys_rule_shows_without_a_reason_is_its_false_alarm() -> None:
    place = ("GET /users/{int}/items", "body", "$.items[].price")
    assert played(diffy=(place,)).diffy_alarms == 0
    assert played("", diffy=(place,)).diffy_alarms == 1
    assert played("errors", diffy=(("GET /search", "body", "$.error"),)).diffy_alarms == 0


def test_a_b_within_the_margin_is_nothing_to_find() -> None:
    assert [played(name).speaks for name in ("price", "slower", "stalls", "margin", "")] == [True] * 3 + [False] * 2


def test_the_table_of_equal_servers_names_every_alarm_and_noise() -> None:
    lines = [played("", word="YES"), played("", word="NOT YET", misnamed=("uuid: absent",), missing=("GET /: 5 more",))]
    cells = dict(same_table("same", lines)["cells"])
    assert cells["YES, NOT YET, NO"] == "1, 1, 0"
    assert cells["runs with a false alarm"] == "0"
    assert cells["noises with another name"] == "uuid: absent (1)"
    assert cells["missing for YES"] == "GET /: 5 more"


def test_precision_and_recall_are_over_all_runs() -> None:
    defects = [played(), played(), played(found=False), played(alarms=("x",))]
    cells = dict(cost_table(defects, defects)["cells"])
    assert (cells["precision"], cells["recall"]) == ("75.0 %", "75.0 %")
    assert cells["repeats, of requests"] == "920 of 20,000: 4.60%"
    assert cells["repeats after the first 200 of a run"] == "0.60%"


def options(**changed: Any) -> argparse.Namespace:
    values = {"only_defects": None, "requests": 3000, "seeds": 2, "same": 3, "sure": 1}
    return argparse.Namespace(**(values | changed))


def test_every_defect_is_played_on_every_seed() -> None:
    plans = planted(SHOP, options())
    assert len(plans) == 2 * len(SHOP.defects)
    assert all(plan.focus in SHOP.routes for plan in plans)
    assert len(same(SHOP, options())) == 3
    assert len(sure(SHOP, options())) == 1


def test_a_short_run_is_played_and_kept() -> None:
    got = line(Plan("shop", 1, 300, ["missing"], focus="GET /users/{int}", third=True))
    assert got.requests >= 300
    assert got.unsafe == 0
    assert ("GET /users/{int}", "body", "$.email") in got.diffy
    assert "seed 1" in simulation.brief("planted", got)


@pytest.mark.parametrize(
    ("verdict", "found"),
    [
        ({"judge": {"pid": 17, "thread": False}}, 17),
        ({"judge": {"pid": 17, "thread": True}}, None),  # of a tee with one process
        ({"judge": {"pid": 18, "thread": False}}, None),  # it has ended
        ({"judge": {"pid": None, "thread": None}}, None),  # before the first report
        (None, None),
    ],
)
def test_the_judge_is_the_process_that_the_status_names(
    monkeypatch: pytest.MonkeyPatch, verdict: Json | None, found: int | None
) -> None:
    monkeypatch.setattr(judge, "status", lambda port: {"verdict": verdict})
    monkeypatch.setattr(measure, "members", lambda group: {17: []})
    watched = Watched(Running("", 0, None), cast(Process, SimpleNamespace(group=1)), 1)
    assert judge.judge_pid(watched) == found


def test_without_an_admin_listener_no_judge_is_found() -> None:
    watched = Watched(Running("", 0, None), cast(Process, SimpleNamespace(group=1)), None)
    assert judge.judge_pid(watched) is None
