"""The table of an outage."""

from __future__ import annotations

from bench.programs.clients import paced_writes
from bench.programs.load import Outcome
from bench.scenarios.stores import spool

END = {"level": 2.5, "series": 50, "differing": 1} | {
    "a": 100,
    "b": 98,
    "seen": 100,
    "delivered": 98,
    "failed": 0,
    "dropped": 2,
    "in_flight": 0,
    "recovered": 0,
    "answered": 99,
    "looks": 30,
    "wrong": 1,
}


def test_each_point_has_its_number_as_its_value_and_in_its_time() -> None:
    assert paced_writes.point(7) == "weather,station=s7 temperature=7 1700000000000007000"
    assert paced_writes.point(57) == "weather,station=s7 temperature=57 1700000000000057000"


def test_each_stage_is_compared_with_that_without_a_spool() -> None:
    stages = (spool.FIRST, spool.UP, spool.DOWN, spool.BACK)
    found = {name: Outcome(1000 - 100 * at, 1.0, 500.0, 1000.0, 0) for at, name in enumerate(stages)}
    made = spool.spool_table(found, {**END, "spooled": 0})
    result = {"tables": [made]}
    assert spool.compared(spool.DOWN, "rate")(result) == 0.8
    assert spool.different(result) == 2
    assert [row[2] for row in made["cells"][:4]] == ["1.00", "0.90", "0.80", "0.70"]
    assert made["cells"][4][5].startswith("99 answered writes; ")
    said = "A 100 points, B 98; last values differ in 1 of 50 series; B was level 2.5 s after these stages"
    assert said in made["cells"][4][5]
    assert "ledger exact in 29 of 30 looks; seen 100, recovered 0, delivered 98" in made["cells"][4][5]
