"""Figures as text."""

from __future__ import annotations

from bench.programs.sessions import Sessions
from bench.reports import tables
from bench.reports.figures import Row, row_json

from .samples import sample


def test_errors_star_every_figure_of_their_row() -> None:
    row = row_json(Row("x", (sample(errors=3), sample())), [])
    text = tables.tees_table({"title": "GET", "rows": [row]})
    assert "1,000*" in text
    assert "3 errors in 1 of 2 runs" in text


def test_a_row_that_did_not_start_says_why() -> None:
    row = row_json(Row("envoy", (), "not started: no Envoy"), [])
    assert "not started: no Envoy" in tables.tees_table({"title": "GET", "rows": [row]})


def test_the_heading_names_the_arrangement_of_sessions() -> None:
    rows = [row_json(Row("x", (sample(),)), [])]
    assert "#### GET, each program in its own session\n" in tables.table_text(
        {"title": "GET", "sessions": "own", "rows": rows}
    )
    assert "#### GET\n" in tables.table_text({"title": "GET", "rows": rows})
    assert "#### Sum, all programs in one session\n" in tables.table_text(
        tables.table("Sum", ["a"], [["1"]], [], Sessions.ONE)
    )
