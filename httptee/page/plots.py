"""The last hour as curves: rates on a linear axis, times on a logarithmic one. A and all Bs on the same axis.

A plot is stretched to the width of the window. So its curves are in a square of 1000 by 1000, and its words are not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from httptee.page.figures import UNKNOWN, rate
from httptee.verdict.display import seconds

Sample = tuple[float, float]
"""A moment in seconds, and a value; not a number where there is none."""

_SQUARE = 1000
_SPANS = {300: 5, 900: 3, 1800: 3, 3600: 4}  # seconds that a plot shows: into how many parts they are divided
_BREAK = 25.0  # seconds without a point end a line
MOST = 6
"""Bs that are drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One upstream: its name, and its points as (moment, rate, p50, p99)."""

    name: str
    points: Sequence[tuple[float, float, float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a plot. `style` says which upstream, by its number, and `path` is the data of an SVG path."""

    number: int
    dashed: bool
    path: str


@dataclass(frozen=True, slots=True)
class Plot:
    """`grid` are heights in percent from the top with their labels, `ticks` the labels below, at equal distances.
    `latest` says the last value of each upstream."""

    title: str
    lines: Sequence[Line]
    grid: Sequence[tuple[float, str]]
    ticks: Sequence[str]
    latest: Sequence[tuple[int, str, str]]


def plots(curves: Sequence[Curve]) -> list[Plot]:
    """The plots of the rates and of the times; none before there are two points."""
    curves = curves[: MOST + 1]
    moments = [point[0] for curve in curves for point in curve.points]
    if not moments or min(moments) == max(moments):
        return []
    end = max(moments)
    span = next((span for span in _SPANS if end - min(moments) <= span), max(_SPANS))
    return [_rates(curves, end, span), _times(curves, end, span)]


def _rates(curves: Sequence[Curve], end: float, span: int) -> Plot:
    top = _round(max((point[1] for curve in curves for point in curve.points), default=0.0))
    lines = [
        Line(number, False, _path(((point[0], 1 - point[1] / top) for point in curve.points), end, span))
        for number, curve in _drawn(curves)
    ]
    grid = [(100 * (1 - part), rate(top * part)) for part in (0, 0.5, 1)]
    latest = [(number, curve.name, f"{_last(curve, 1, rate)}/s") for number, curve in enumerate(curves)]
    return Plot("Answers a second", lines, grid, _ticks(span), latest)


def _times(curves: Sequence[Curve], end: float, span: int) -> Plot:
    times = [time for curve in curves for point in curve.points for time in point[2:] if time > 0]
    low = math.floor(math.log10(min(times, default=0.001)))
    high = max(low + 1, math.ceil(math.log10(max(times, default=0.001))))

    def height(time: float) -> float:
        return 1 - (math.log10(time) - low) / (high - low) if time > 0 else math.nan

    lines = [
        Line(number, column == 3, _path(((point[0], height(point[column])) for point in curve.points), end, span))
        for number, curve in _drawn(curves)
        for column in (3, 2)
    ]
    grid = [(100 * (high - power) / (high - low), seconds(10.0**power)) for power in range(low, high + 1)]
    latest = [
        (number, curve.name, f"{_last(curve, 2, seconds)}, {_last(curve, 3, seconds)}")
        for number, curve in enumerate(curves)
    ]
    return Plot("Latency: half of the answers (line), 99 of 100 (dashed)", lines, grid, _ticks(span), latest)


def _drawn(curves: Sequence[Curve]) -> list[tuple[int, Curve]]:
    """A comes last: its thin line is seen on the thicker one of a B that does the same."""
    return list(enumerate(curves))[::-1]


def _path(samples: Iterable[Sample], end: float, span: int) -> str:
    """The data of a path. A value that is missing, or a pause, breaks the line."""
    parts: list[str] = []
    before = -math.inf
    for at, height in samples:
        if not math.isfinite(height):
            before = -math.inf
            continue
        x = _SQUARE * (1 - (end - at) / span)
        if x < 0:
            continue
        command = "L" if at - before <= _BREAK else "M"
        parts.append(f"{command}{x:.0f} {_SQUARE * min(max(height, 0.0), 1.0):.0f}")
        before = at
    return "".join(parts)


def _round(value: float) -> float:
    """The next number that begins with 1, 2 or 5; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if value <= step * power * 1.0001)


def _last(curve: Curve, column: int, unit: Callable[[float], str]) -> str:
    value = curve.points[-1][column] if curve.points else math.nan
    return unit(value) if math.isfinite(value) else UNKNOWN


def _ticks(span: int) -> list[str]:
    parts = _SPANS[span]
    minutes = [span / 60 * (parts - number) / parts for number in range(parts)]
    return [*(f"-{each:.0f} min" for each in minutes), "now"]
