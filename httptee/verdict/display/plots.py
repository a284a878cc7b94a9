"""Plots as inline SVG: rows on a logarithmic axis. Colors come from the style sheet of the page."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from httptee.verdict.court import RouteReport
from httptee.verdict.display.style import cut, percent, seconds

_LEFT, _WIDTH, _RIGHT, _ROW, _TOP = 260, 560, 20, 30, 26
_ROUTES = 30


@dataclass(frozen=True, slots=True)
class Axis:
    """A logarithmic axis from `low` to `high`, both above 0."""

    low: float
    high: float

    def __call__(self, value: float) -> float:
        """Where a value is, in pixels. Values beyond the ends are at the ends."""
        value = min(max(value, self.low), self.high)
        return _LEFT + _WIDTH * math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self) -> list[float]:
        """Powers of ten, and also their doubles and fives where there are few."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        steps = (1, 2, 5) if last - first < 3 else (1,)
        found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
        return [tick for tick in found if self.low * 0.999 <= tick <= self.high * 1.001]


def latency_plot(routes: Sequence[RouteReport]) -> str:
    """For each route, A above B: a line from the median to the 99th percentile. Empty if no times are known."""
    shown = [route for route in routes if route.latency.a_p50 and route.latency.b_p50][:_ROUTES]
    times = [time for route in shown for time in _times(route) if time]
    if not times:
        return ""
    axis = Axis(min(times) / 1.5, max(times) * 1.5)

    def marks(route: RouteReport, y: float) -> str:
        a50, a99, b50, b99 = _times(route)
        return _line("a", axis, y - 5, a50, a99, "A") + _line("b", axis, y + 5, b50, b99, "B")

    return _svg("Latency: median to 99th percentile, A above B", shown, axis, seconds, marks)


def mismatch_plot(routes: Sequence[RouteReport], delta: float) -> str:
    """For each route: the share of pairs that differ, the unexplained part, and its upper bound; δ as a line."""
    shown = [route for route in routes if route.judged][:_ROUTES]
    if not shown:
        return ""
    axis = Axis(min(delta / 10, 0.0001) or 0.0001, 1.0)
    height = _TOP + _ROW * len(shown)

    def marks(route: RouteReport, y: float) -> str:
        differ, unexplained = (route.judged - route.equal) / route.judged, route.unexplained / route.judged
        bound = axis(route.bound)
        said = f"<title>bound {escape(percent(route.bound))}</title>"
        parts = [f'<path class="bound" d="M{bound:.1f} {y - 8:.1f}v16">{said}</path>']
        parts += [_dot("all", axis, y, differ, "differ")] if differ else []
        parts += [_dot("bad", axis, y, unexplained, "unexplained")] if unexplained else []
        return "".join(parts)

    line = (
        f'<path class="delta" d="M{axis(delta):.1f} {_TOP}V{height}"><title>δ {escape(percent(delta))}</title></path>'
    )
    return _svg(
        "Share of pairs that differ, with the upper bound of what is unexplained", shown, axis, percent, marks, line
    )


def _times(route: RouteReport) -> tuple[float, float, float, float]:
    latency = route.latency
    a50, b50 = latency.a_p50 or 0.0, latency.b_p50 or 0.0
    return a50, latency.a_p99 or a50, b50, latency.b_p99 or b50


def _line(kind: str, axis: Axis, y: float, start: float, end: float, name: str) -> str:
    x, to = axis(start), axis(end)
    said = f"{name}: p50 {seconds(start)}, p99 {seconds(end)}"
    return (
        f'<g class="{kind}"><title>{said}</title><path d="M{x:.1f} {y:.1f}H{max(to, x + 1):.1f}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/><path d="M{to:.1f} {y - 4:.1f}v8"/></g>'
    )


def _dot(kind: str, axis: Axis, y: float, share: float, name: str) -> str:
    said = f"{name} {percent(share)}"
    return f'<circle class="{kind}" cx="{axis(share):.1f}" cy="{y:.1f}" r="5"><title>{escape(said)}</title></circle>'


def _svg(
    title: str,
    routes: Sequence[RouteReport],
    axis: Axis,
    unit: Callable[[float], str],
    marks: Callable[[RouteReport, float], str],
    over: str = "",
) -> str:
    height = _TOP + _ROW * len(routes)
    parts = [
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height + 8}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for tick in axis.ticks():
        x = axis(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} {_TOP}V{height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{_TOP - 8}">{escape(unit(tick))}</text>')
    for index, route in enumerate(routes):
        y = _TOP + _ROW * (index + 0.5)
        name = escape(cut(route.route, 38))
        parts.append(f'<text class="route" x="{_LEFT - 12}" y="{y + 4:.1f}">{name}</text>{marks(route, y)}')
    return "".join([*parts, over, "</svg>"])
