"""The scenario of the first paint: its figures, its table and its targets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from bench.programs.load import Outcome
from bench.programs.sessions import Sessions
from bench.scenarios.paint import HEADER, SUBJECT, TARGETS, Figures, cells, figures, table_of
from bench.scenarios.rounds import Key, Taken


def test_the_slowest_paint_of_all_rounds_counts() -> None:
    made: Taken[int, Figures] = Taken()
    made.samples[Key(Sessions.ONE, 1000, SUBJECT.name)] = [Figures(1000, 80, 90, 0, 0), Figures(999, 70, 1200, 1, 2)]
    found = table_of(made, cast(Any, SimpleNamespace(sessions=Sessions.ONE)))
    assert {len(row) for row in found["cells"]} == {len(HEADER)}
    assert found["cells"][1][3:6] == ["1200", "1", "2"]
    measured = [target.measure({"tables": [found]}) for target in TARGETS]
    assert measured == [1200.0, 1.0]
    assert not any(target.holds(cast(float, one)) for target, one in zip(TARGETS, measured, strict=True))


def test_a_row_without_a_measurement_has_its_reason() -> None:
    row = {"scenario": "1000", "median": None, "reason": "no browser"}
    assert (len(cells(row)), cells(row)[-1]) == (len(HEADER), "no browser")


def test_the_figures_of_a_run_are_its_median_and_its_slowest_paint() -> None:
    assert figures([50.0, 900.0, 70.0], 0, Outcome(3000, 3.0, 1.0, 2.0, 4)) == Figures(1000.0, 70.0, 900.0, 0, 4)
    assert figures([50.0], 2, None) == Figures(0.0, 50.0, 50.0, 2, 0)
