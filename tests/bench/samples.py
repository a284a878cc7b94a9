"""A sample with the figures that a test gives."""

from __future__ import annotations

from bench.reports.figures import Figures, Sample


def sample(rate: float = 1000.0, errors: int = 0, requests: int = 1000, a: int = 1000, b: int | None = 1000) -> Sample:
    return Sample(Figures(rate, 100.0, 200.0, 50.0, 7e6), errors, requests, a, b)
