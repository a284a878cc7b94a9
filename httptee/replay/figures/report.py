"""What a replay says at its end, as text and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from httptee.replay.figures.histogram import Percentiles
from httptee.replay.figures.tally import Figures

LATEST = 0.010
"""Seconds: where the 99th percentile of the lateness is over it, the generator could not keep up."""

_REASONS = {
    "outside_the_time": "outside the time",
    "body_not_recorded": "body not recorded",
    "sampled_out": "sampled out",
    "too_large": "too large",
}
_HEAD = ("", "p50", "p90", "p99", "p99.9", "max")


def kept_up(figures: Figures) -> bool:
    """Whether the requests were sent when they were due."""
    return figures.late.p99 <= LATEST


def text(figures: Figures, closed: bool = False) -> str:
    """The counts and times. `closed`: the requests had no due times."""
    return "\n".join(_lines(figures, closed)) + "\n"


def _lines(figures: Figures, closed: bool) -> Iterator[str]:
    filtered, failed = sum(figures.filtered.values()), sum(figures.failed.values())
    damaged = f" + {figures.damaged:,} damaged in the recording" if figures.damaged else ""
    unreached = f" + {figures.unreached:,} not reached" if figures.unreached else ""
    yield (
        f"{figures.recorded:,} recorded = {figures.sent:,} sent + {filtered:,} filtered{_by(figures.filtered)} "
        f"+ {failed:,} failed to send{_by(figures.failed)}{damaged}{unreached}"
    )
    unanswered = sum(figures.unanswered.values())
    yield (
        f"{figures.sent:,} sent = {figures.answered:,} answered{_by(figures.statuses)} "
        f"+ {unanswered:,} without an answer{_by(figures.unanswered)}"
    )
    yield f"{figures.seconds:.1f} s, {figures.rate:,.1f} requests/s"
    if figures.died:
        yield f"{figures.died} of the processes that send died. Of what is lost, it is not known whether it was sent."
    yield ""
    rows: list[tuple[str, ...]] = [_HEAD]
    if not closed:
        rows.append(_row("from the due time", figures.from_due))
    rows.append(_row("from the send time", figures.from_send))
    if not closed:
        rows.append(_row("lateness", figures.late))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells)
    if not closed:
        yield f"drift of the lateness from the first to the last tenth: {abs(figures.drift) * 1000:.2f} ms"
        if not kept_up(figures):
            late = figures.late.p99 * 1000
            yield (
                f"The generator could not keep up: 1 in 100 requests was over {late:.0f} ms late. More --processes may "
                "help, or a larger -c of a pool; to open connections counts too."
            )


def as_dict(figures: Figures) -> dict[str, Any]:
    """The figures as a JSON object. Times are in seconds."""
    found = dataclasses.asdict(figures)
    found["statuses"] = {str(status): count for status, count in figures.statuses.items()}
    return {**found, "kept_up": kept_up(figures)}


def _by(counts: Mapping[Any, int]) -> str:
    if not counts:
        return ""
    parts = [
        f"{_REASONS.get(name, name)}: {count:,}" for name, count in sorted(counts.items(), key=lambda one: -one[1])
    ]
    return f" ({', '.join(parts)})"


def _row(name: str, times: Percentiles) -> tuple[str, ...]:
    return (name, *map(_ms, (times.p50, times.p90, times.p99, times.p999, times.longest)))


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.2f} ms" if seconds < 10 else f"{seconds:,.2f} s"
