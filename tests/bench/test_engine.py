"""The table of a spool on an engine that is troubled."""

from __future__ import annotations

from bench.programs.load import Outcome
from bench.scenarios.stores.engine import STAGES, WELL, Troubled, compared, engine_table
from tests.support.ledger import Ledger


def test_each_stage_is_compared_with_an_engine_that_is_well() -> None:
    found = {}
    for number, stage in enumerate(STAGES):
        outcome = Outcome(requests=1000 - 100 * number, seconds=1.0, p50=1.0, p99=2.0, errors=0)
        ledger = Ledger("b", 10, 0, {}, 0, {}, number, {}, 0, handed_over=10 - number)
        found[stage] = [Troubled(outcome, ledger)]
    table = engine_table(found)
    result = {"tables": [table]}
    assert [row["scenario"] for row in table["rows"]] == list(STAGES)
    assert compared(STAGES[1], "rate")(result) == 0.9
    assert compared(WELL, "rate")(result) == 1.0
    assert table["rows"][2]["dropped"] == 2
