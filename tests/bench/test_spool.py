"""The table of an outage."""

from __future__ import annotations

from bench.programs.load import Outcome
from bench.scenarios.stores import spool

END = {"level": 2.5, "a": 100, "b": 98, "seen": 100, "delivered": 98, "failed": 0, "dropped": 2, "in_flight": 0}


def test_each_stage_is_compared_with_that_without_a_spool() -> None:
    stages = (spool.FIRST, spool.UP, spool.DOWN, spool.BACK)
    found = {name: Outcome(1000 - 100 * at, 1.0, 500.0, 1000.0, 0) for at, name in enumerate(stages)}
    made = spool.spool_table(found, {**END, "spooled": 0})
    result = {"tables": [made]}
    assert spool.compared(spool.DOWN, "rate")(result) == 0.8
    assert spool.different(result) == 2
    assert [row[2] for row in made["cells"][:4]] == ["1.00", "0.90", "0.80", "0.70"]
    assert "A 100 points, B 98; B was level 2.5 s after the load" in made["cells"][4][5]
