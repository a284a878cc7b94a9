"""The targets beside the figures of runs."""

from __future__ import annotations

from bench.reports import lookups, targets
from bench.reports.figures import Json, Row, row_json
from bench.scenarios import SCENARIOS, TARGETS

from .samples import sample


def test_targets_compare_with_the_bound_and_leave_open_what_was_not_run() -> None:
    rows = [row_json(Row("nginx", (sample(1000.0),)), []), row_json(Row("httptee", (sample(700.0),)), [])]
    result = {"kind": "tees", "tables": [{"title": "GET small, 32 connections", "rows": rows}]}
    lines = targets.verdicts(TARGETS, [result]).splitlines()
    assert [cell.strip() for cell in lines[2].split("|")[2:5]] == ["at least 0.65", "0.70", "yes"]
    assert "not measured" in lines[3]


def test_targets_do_not_excuse_our_own_missing_clones() -> None:
    ours = row_json(Row("httptee", (sample(requests=900, a=1000, b=950),)), [])
    result = {"tables": [{"title": "GET", "rows": [ours, row_json(Row("nginx", (sample(),)), [])]}]}
    assert lookups.ratio("GET", "rate", "nginx")(result) == "B got 95.0 %"


def in_session(sessions: str, rate: float) -> Json:
    rows = [row_json(Row("nginx", (sample(1000.0),)), []), row_json(Row("httptee", (sample(rate),)), [])]
    return {"title": "GET small, 32 connections", "sessions": sessions, "rows": rows}


def test_targets_have_their_own_columns_for_each_arrangement_of_sessions() -> None:
    result = {"kind": "tees", "tables": [in_session("own", 600.0), in_session("one", 700.0)]}
    lines = targets.verdicts(TARGETS, [result]).splitlines()
    assert "all programs in one session" in lines[0]
    assert "each program in its own session" in lines[0]
    assert [cell.strip() for cell in lines[2].split("|")[3:7]] == ["0.70", "yes", "0.60", "no"]


def test_a_table_that_names_no_arrangement_is_of_one_session() -> None:
    table = in_session("one", 700.0)
    del table["sessions"]
    lines = targets.verdicts(TARGETS, [{"kind": "tees", "tables": [table]}]).splitlines()
    assert "each program in its own session" not in lines[0]
    assert "0.70" in lines[2]


def test_the_targets_of_a_scenario_look_at_its_own_results() -> None:
    assert all(target.kind == scenario.name for scenario in SCENARIOS for target in scenario.targets)
