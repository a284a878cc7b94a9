"""Contradictions between the ledger and the counts."""

from __future__ import annotations

import pytest

from bench.scenarios.soak import misaccounted
from bench.torture.judge import Tally

LEDGER = {"seen": 10, "delivered": 6, "failed": 3, "dropped": 1, "in_flight": 0}
REPORT = {"requests": 8, "repeated": 1, "repeated_unsafely": 0, "mangled": 0, "strange": 0}


def tally(**counts: int) -> Tally:
    made = Tally()
    made.counts.update(counts)
    return made


def test_a_ledger_that_fits_the_counts_has_no_contradiction() -> None:
    assert misaccounted(LEDGER, tally(asked=11, answered=10), 0, REPORT, REPORT) == []


@pytest.mark.parametrize(
    ("ledger", "report"),
    [
        ({"seen": 12}, {}),
        ({"seen": 9}, {}),
        ({"in_flight": 1}, {}),
        ({}, {"requests": 11}),
        ({}, {"requests": 6}),
        ({}, {"strange": 1}),
        ({}, {"mangled": 1}),
        ({}, {"repeated_unsafely": 1}),
    ],
)
def test_a_ledger_that_contradicts_a_count_is_told(ledger: dict[str, int], report: dict[str, int]) -> None:
    assert misaccounted({**LEDGER, **ledger}, tally(asked=11, answered=10), 0, REPORT, {**REPORT, **report})
