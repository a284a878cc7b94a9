"""How far a replay is: one line that changes on a terminal, and a plain line now and then elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from httptee.replay.figures.histogram import Histogram
from httptee.replay.figures.tally import Tally

_PLAIN = 10.0  # seconds between two plain lines


def progress_of(stream: TextIO) -> PlainProgress | LiveProgress:
    """A line that changes if the stream is a terminal and rich is installed."""
    if stream.isatty():
        try:
            return LiveProgress(stream)
        except ImportError:
            pass
    return PlainProgress(lambda text: print(text, file=stream, flush=True))


class PlainProgress:
    """A plain line every ten seconds."""

    def __init__(self, say: Callable[[str], object] = print) -> None:
        self._say = say
        self._said = 0.0

    def show(self, tally: Tally, done: float | None, seconds: float) -> None:
        """Say where the replay is, if it is time."""
        if seconds - self._said >= _PLAIN:
            self._said = seconds
            self._say(line(tally, done, seconds))

    def close(self) -> None:
        """Nothing is left to do."""


class LiveProgress:
    """One line on a terminal, drawn by rich. Raises ImportError where that is not installed."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        self._text = Text
        self._live = Live(console=Console(file=stream), auto_refresh=False, transient=True)
        self._live.start()

    def show(self, tally: Tally, done: float | None, seconds: float) -> None:
        """Draw the line anew."""
        self._live.update(self._text(line(tally, done, seconds), overflow="ellipsis", no_wrap=True), refresh=True)

    def close(self) -> None:
        """Remove the line."""
        self._live.stop()


def line(tally: Tally, done: float | None, seconds: float) -> str:
    """The line. It begins a new second for the lateness."""
    lately, tally.lately = tally.lately, Histogram()
    failures = sum(tally.failed.values()) + sum(tally.unanswered.values())
    parts = [
        "" if done is None else f"{done:4.0%}",
        f"{tally.sent:,} sent",
        f"{tally.sent / seconds:,.0f}/s" if seconds > 0 else "",
        f"late p99 {lately.quantile(0.99) * 1000:.2f} ms",
        f"{failures:,} failed",
        f"{left(seconds / done - seconds)} left" if done else "",
    ]
    return "  ".join(part for part in parts if part)


def left(seconds: float) -> str:
    """A time as `1:05:09`, or `2:30` under an hour."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def standard_progress() -> PlainProgress | LiveProgress:
    """The progress on standard error, so that standard output has the report only."""
    return progress_of(sys.stderr)
