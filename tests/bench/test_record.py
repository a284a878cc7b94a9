"""The arithmetic of the bench of a recording."""

import pytest

from bench.scenarios.recording import record
from bench.scenarios.recording.record import CONDITIONS, PLAIN, RECORDED, cells, uncounted

SAID = {"seen": 10, "recorded": 7, "not_recorded": 3}


def test_counts_that_agree_are_right_and_others_are_named():
    assert uncounted(SAID, 7) == ""
    assert uncounted(SAID | {"seen": 11}, 7) == "11 seen, 7 recorded, 3 not recorded"
    assert uncounted(SAID, 6) == "7 recorded, 6 in the files"


def rows(**changed):
    figures = {"rate": 10_000.0, "p99": 1000.0, "cpu": 100.0, "memory": 1e6}
    row = {"median": figures, "errors": 0, "wrong": [], "share": 1.0, "reason": "", "subject": "x"}
    return {PLAIN.name: row, RECORDED.name: row | {"median": figures | {"rate": 9_700.0, "p99": 1050.0}} | changed}


def test_a_figure_is_a_multiple_of_the_one_without():
    both = rows()
    condition = CONDITIONS[0]
    row = {**both[RECORDED.name], "scenario": condition.key, "without": record.ratios(both)}
    result = {"kind": "record", "tables": [{"title": record.TITLE, "rows": [row]}]}
    rate, p99 = record.TARGETS[:2]
    assert rate.measure(result) == pytest.approx(0.97)
    assert p99.measure(result) == pytest.approx(1.05)
    assert cells(condition, row)[:6] == ["0 %", "32", "9,700", "0.97", "1,050 µs", "1.05"]
    row["wrong"] = ["7 recorded, 6 in the files"]
    assert rate.measure(result) == "0 errors; 7 recorded, 6 in the files"


def test_a_tee_that_did_not_start_has_its_reason():
    both = rows(median=None, reason="not started: no such option")
    row = {**both[RECORDED.name], "without": record.ratios(both)}
    assert cells(CONDITIONS[0], row)[-1] == "not started: no such option"
