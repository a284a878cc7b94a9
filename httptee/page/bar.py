"""What became of all clones of a B, as a bar whose parts add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PARTS = ("delivered", "failed", "dropped", "in_flight", "spooled", "handed_over")
WIDTH = 1000
_LEAST = 6  # a part that is not 0 is always seen


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where it starts and how wide it is, of `WIDTH`, and its share of all clones, 0 to 1."""

    name: str
    start: int
    width: int
    share: float


def bar(ledger: Mapping[str, int]) -> list[Part]:
    """The parts, in the order of `PARTS`. The widths add up to `WIDTH`, or to 0 where no clone was seen."""
    seen = ledger["seen"]
    if not seen:
        return [Part(name, 0, 0, 0.0) for name in PARTS]
    widths = [
        max(_LEAST, round(WIDTH * ledger.get(name, 0) / seen)) if ledger.get(name, 0) > 0 else 0 for name in PARTS
    ]
    widest = widths.index(max(widths))
    widths[widest] += WIDTH - sum(widths)
    starts = [sum(widths[:number]) for number in range(len(widths))]
    return [
        Part(name, start, width, max(0, ledger.get(name, 0)) / seen)
        for name, start, width in zip(PARTS, starts, widths, strict=True)
    ]
