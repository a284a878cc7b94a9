"""What one judge knows of one partition: a court for each B, and which messages have been taken."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from httptee.verdict.fleet.document import Lost
from httptee.verdict.judge import CourtLike, Trial

_VERSION = 1
_LONGEST = 256 << 20  # bytes of a state


@dataclass(slots=True)
class Hearing:
    """A B in one partition. A was asked `repeats` times again for its sake."""

    court: CourtLike
    repeats: int = 0


class Docket:
    """The courts of one partition of `partitions`. `state` is what an earlier judge has saved, or None.

    `strange` counts the messages that were no pair, or of an unknown B. `lost`: pairs that never came. `after` is the
    place of the last message that was taken and not saved, and `unsaved` says how many these are.
    """

    def __init__(
        self, number: int, partitions: int, trials: Sequence[Trial], state: Mapping[str, Any] | None = None
    ) -> None:
        self.number = number
        self._partitions = partitions
        state = state or {}
        self.strange = int(state.get("strange", 0))
        self.judged = int(state.get("judged", 0))
        self.lost = Lost(*state.get("lost", ()))
        self.after = ""
        self.unsaved = 0
        self.changed = False
        self._next = int(state.get("next", 0))
        self._others: dict[str, Any] = dict(state.get("cases", {}))  # Bs that this judge does not know, as they are
        self.hearings = {trial.backend: self._begun(trial, self._others.pop(trial.backend, None)) for trial in trials}

    def taken(self, cursor: str) -> None:
        """The message at this place was taken."""
        self.after = cursor
        self.unsaved += 1
        self.changed = True

    def saved(self) -> None:
        """All is saved."""
        self.after, self.unsaved, self.changed = "", 0, False

    def pair_number(self) -> int:
        """A number for a new pair, which no other partition gives."""
        self._next += 1
        return self._next * self._partitions + self.number

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Put routes together that are one by now."""
        for hearing in self.hearings.values():
            hearing.court.fold(name_of)

    def state(self) -> dict[str, Any]:
        """What the next judge needs, as values of JSON."""
        own = {name: {"court": one.court.state(), "repeats": one.repeats} for name, one in self.hearings.items()}
        return {
            "version": _VERSION,
            "strange": self.strange,
            "judged": self.judged,
            "lost": [self.lost.count, self.lost.first, self.lost.last],
            "next": self._next,
            "cases": {**self._others, **own},
        }

    def _begun(self, trial: Trial, saved: Any) -> Hearing:
        if saved is None:
            return Hearing(trial.court(1, None))
        return Hearing(trial.court(1, saved["court"]), int(saved["repeats"]))


def encoded(state: Mapping[str, Any]) -> bytes:
    """A state as bytes."""
    return zlib.compress(orjson.dumps(state), 1)


def decoded(data: bytes | None) -> dict[str, Any] | None:
    """The reverse of `encoded`. Raises ValueError for what is no state of this version."""
    if not data:
        return None
    try:
        found = orjson.loads(zlib.decompressobj().decompress(data, _LONGEST))
        if found["version"] != _VERSION:
            raise ValueError("it is of another version")
        return dict(found)
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"not the state of a judge: {error}") from None
