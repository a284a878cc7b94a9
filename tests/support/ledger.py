"""The ledger as the tee prints it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from httptee.ledger import DROP_REASONS, FAILURE_REASONS

LEDGER = re.compile(
    r"\bB (?P<url>\S+) seen=(?P<seen>\d+) delivered=(?P<delivered>\d+)(?: \((?P<statuses>[^)]*)\))?"
    r" failed=(?P<failed>\d+)(?: \((?P<failures>[^)]*)\))?"
    r" dropped=(?P<dropped>\d+)(?: \((?P<drops>[^)]*)\))? in_flight=(?P<in_flight>-?\d+)"
    r"(?: spooled=(?P<spooled>-?\d+) recovered=(?P<recovered>\d+))?"
    r"(?: handed_over=(?P<handed_over>\d+) taken_over=(?P<taken_over>\d+))?"
)


@dataclass(frozen=True)
class Ledger:
    """What became of the clones of one B."""

    url: str
    seen: int
    delivered: int
    statuses: dict[str, int]
    failed: int
    failures: dict[str, int]
    dropped: int
    drops: dict[str, int]
    in_flight: int
    spooled: int = 0
    recovered: int = 0
    handed_over: int = 0
    taken_over: int = 0

    @classmethod
    def parse(cls, match: re.Match[str]) -> Ledger:
        """From a match of `LEDGER`."""
        return cls(
            url=match["url"],
            seen=int(match["seen"]),
            delivered=int(match["delivered"]),
            statuses=_reasons(match["statuses"]),
            failed=int(match["failed"]),
            failures=_reasons(match["failures"]),
            dropped=int(match["dropped"]),
            drops=_reasons(match["drops"]),
            in_flight=int(match["in_flight"]),
            spooled=int(match["spooled"] or 0),
            recovered=int(match["recovered"] or 0),
            handed_over=int(match["handed_over"] or 0),
            taken_over=int(match["taken_over"] or 0),
        )

    def check(self) -> None:
        """The equation holds to the unit, and every reason is one of the closed sets.

        The tee prints as `in_flight` what the other counts leave of `seen`, so a clone that is counted twice is a
        negative number there.
        """
        assert self.in_flight >= 0, self
        assert self.spooled >= 0, self
        settled = self.delivered + self.failed + self.dropped + self.handed_over
        assert self.seen == settled + self.in_flight + self.spooled, self
        assert not self.statuses or self.delivered == sum(self.statuses.values()), self
        assert self.failed == sum(self.failures.values()), self
        assert self.dropped == sum(self.drops.values()), self
        assert set(self.failures) <= set(FAILURE_REASONS), self
        assert set(self.drops) <= set(DROP_REASONS), self


def parse(output: str) -> list[Ledger]:
    """Every ledger line of a program's output, in order."""
    return [Ledger.parse(match) for match in LEDGER.finditer(output)]


def _reasons(text: str | None) -> dict[str, int]:
    return {name: int(count) for name, _, count in (pair.partition("=") for pair in (text or "").split())}
