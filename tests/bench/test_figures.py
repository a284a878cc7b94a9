"""Medians, ratios, and clones that B did not get."""

from __future__ import annotations

from bench.reports.figures import Row, notes, percent, ratio

from .samples import sample


def test_median_takes_each_figure_by_itself() -> None:
    row = Row("x", (sample(1.0), sample(9.0), sample(2.0)))
    assert row.median is not None
    assert row.median.rate == 2.0


def test_ratio_is_a_multiple_of_the_base() -> None:
    found = ratio(Row("x", (sample(500.0),)), Row("nginx", (sample(1000.0),)))
    assert isinstance(found, dict)
    assert found["rate"] == 0.5


def test_missing_clones_stand_in_place_of_the_ratio() -> None:
    bad, good = Row("x", (sample(b=990),)), Row("nginx", (sample(),))
    assert ratio(bad, good) == "B got 99.0 %"
    assert ratio(good, bad) == "x's B got 99.0 %"


def test_a_tied_tee_is_excused_only_for_the_requests_the_load_hung_up_on() -> None:
    excused = Row("nginx", (sample(requests=1000, a=1050, b=1000),), tied=True)
    assert excused.comparable
    assert "50 clones missing" in notes(excused)[0]
    assert not Row("nginx", (sample(requests=1000, a=1050, b=990),), tied=True).comparable
    assert not Row("nginx", (sample(requests=1050, a=1050, b=1000),), tied=True).comparable


def test_any_other_tee_is_not_excused() -> None:
    assert not Row("httptee", (sample(requests=1000, a=1050, b=1000),)).comparable


def test_a_row_without_b_is_comparable_and_without_runs_is_not() -> None:
    assert Row("direct", (sample(b=None),)).comparable
    assert not Row("httptee", (), "not started").comparable


def test_percent_never_rounds_up_to_the_whole() -> None:
    assert percent(0.99999) == "99.9 %"
