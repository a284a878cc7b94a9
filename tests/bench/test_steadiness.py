"""The slope of a soak."""

from __future__ import annotations

import pytest

from bench.errors import BenchError
from bench.reports.steadiness import Moment, slope, steady


def test_a_slope_is_in_10_minutes_and_has_a_standard_error() -> None:
    exact = slope([(at, 5.0 + at / 600) for at in range(100)])
    assert (exact.value, exact.error) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    assert slope([(0, 0.0), (1, 1.0), (2, 0.0), (3, 1.0)]).error > 0
    with pytest.raises(BenchError):
        slope([(0, 1.0), (1, 1.0)])


def test_what_recurs_is_no_slope_whichever_of_it_is_missing() -> None:
    saw = [(at, at % 90 + at / 600) for at in range(0, 900, 2) if at < 450 or at % 90 > 20]
    assert slope(saw).value != pytest.approx(1.0, abs=0.5)
    assert (slope(saw, 90.0).value, slope(saw, 90.0).error) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))


def test_the_warm_up_and_moments_with_two_generations_are_left_out() -> None:
    moments = [Moment(float(at), 1, 1, 1, 6 if at == 50 else 4) for at in range(100)]
    assert [moment.at for moment in steady(moments, 100.0)] == [at for at in range(20, 100) if at != 50]
