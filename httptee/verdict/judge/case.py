"""A B with its court, while a judge works."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from httptee.verdict.court import NO, Report, RouteSums
from httptee.verdict.judge.totals import Totals
from httptee.verdict.judge.trial import CourtLike

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Case:
    """`word` is that of the latest report. A was asked `repeats` times again for the sake of this B."""

    court: CourtLike
    totals: Totals
    word: str = ""
    repeats: int = 0

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Put routes together that are one by now. `name_of` gives the name of each route."""
        self.court.fold(name_of)
        self.totals.fold(name_of)

    def say(self, report: Report) -> None:
        """Log a change of the verdict."""
        if report.word != self.word:
            level = logging.WARNING if report.word == NO else logging.INFO
            logger.log(level, "B %s: the verdict is %s", report.backend, report.summary)
            self.word = report.word

    def state(self, sums: Mapping[str, RouteSums], counts: Any) -> dict[str, Any]:
        """What the next judge needs, as values of JSON."""
        own = {"court": self.court.state(), "word": self.word, "repeats": self.repeats}
        return {**self.totals.state(sums, counts), **own}
