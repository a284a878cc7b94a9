"""The scenario of an open page: its readers, its table and its targets."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.errors import BenchError
from bench.programs.sessions import Sessions
from bench.reports.figures import Json
from bench.scenarios.page import HEADER, SUBJECT, TARGETS, Figures, Reader, admin_of, cells, cpu_of, table_of
from bench.scenarios.rounds import Key, Taken
from tests.support.net import eventually


def taken(rates: dict[int, float]) -> Taken[int, Figures]:
    """One sample for each number of readers."""
    made: Taken[int, Figures] = Taken()
    for readers, rate in rates.items():
        made.samples[Key(Sessions.ONE, readers, SUBJECT.name)] = [Figures(rate, rate / 1000, 5, 8.5, 40.0, 0)]
    return made


def test_the_targets_are_read_from_the_table() -> None:
    found = table_of(taken({0: 1000.0, 1: 990.0, 4: 950.0}), cast(Any, SimpleNamespace(sessions=Sessions.ONE)))
    assert {len(row) for row in found["cells"]} == {len(HEADER)}
    result: Json = {"tables": [found]}
    assert [target.measure(result) for target in TARGETS] == [0.99, 8.5]
    assert [target.holds(cast(float, target.measure(result))) for target in TARGETS] == [True, True]


def test_a_row_without_a_measurement_has_its_reason() -> None:
    found = table_of(taken({0: 1000.0}), cast(Any, SimpleNamespace(sessions=Sessions.ONE)))
    assert [target.measure({"tables": [found]}) for target in TARGETS] == [None, None]
    row = {"scenario": "1", "median": None, "reason": "it broke"}
    assert (len(cells(row)), cells(row)[-1]) == (len(HEADER), "it broke")


def test_a_reader_asks_only_for_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    versions = {"plots": "1", "verdict": "1"}

    def part(reader: Reader, name: str) -> Json:
        asked.append(name)
        return {"versions": dict(versions)}

    monkeypatch.setattr(Reader, "_part", part)
    reader = Reader(1)
    reader._update()
    versions["plots"] = "2"
    reader._update()
    assert (asked, reader.updates) == (["live", "plots", "verdict", "live", "plots"], 2)


def test_the_admin_process_is_the_one_that_status_names() -> None:
    found: Json = {"processes": [{"kind": "worker", "pid": 1}, {"kind": "admin", "pid": 6}]}
    assert admin_of(found) == 6
    with pytest.raises(BenchError):
        admin_of({"processes": found["processes"][:1]})


def test_the_cpu_time_of_a_process_grows_with_its_work() -> None:
    before = cpu_of(os.getpid())
    assert before > 0
    eventually(lambda: sum(range(100_000)) and cpu_of(os.getpid()) > before, "more CPU time")
