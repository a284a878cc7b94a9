"""The proof on a few fixed seeds. All of it is `python -m bench verdict --simulate`."""

import pytest

from tests.worlds.play.proof import Plan, Run


@pytest.mark.parametrize(
    ("world", "defect", "focus"),
    [
        ("shop", "price", "GET /users/{int}/items"),
        ("shop", "none_id", "GET /search"),
        ("shop", "slower", "GET /users/{int}/items"),
        ("fleet", "missing", "GET /v2/vehicles/{uuid}"),
    ],
)
def test_a_planted_defect_is_found_and_nothing_else(world, defect, focus):
    got = Run(Plan(world, 1, 1500, [defect], focus=focus)).outcome()
    assert got.found
    assert got.alarms == ()
    assert got.report.word == "NO"
    assert got.found_at is not None


def test_where_b_is_a_nothing_speaks_against_it():
    got = Run(Plan("shop", 1, 2000)).outcome()
    assert got.alarms == ()
    assert got.report.word == "NOT YET"
    assert got.played.unsafe == 0
    assert got.repeats <= 200 + 0.01 * got.played.requests + 1


def test_without_repeats_nothing_is_more_than_suspected():
    got = Run(Plan("shop", 1, 600, ["price"], focus="GET /users/{int}/items", repeats=0.0)).outcome()
    assert got.repeats == 0
    assert not got.found
    assert got.alarms == ()
    labels = {each.label for route in got.report.routes for each in route.findings if each.path == "$.items[].price"}
    assert labels == {"suspected"}


def test_the_same_plan_gives_the_same_report():
    plan = Plan("shop", 3, 500, ["price"])
    assert Run(plan).outcome().report == Run(plan).outcome().report
