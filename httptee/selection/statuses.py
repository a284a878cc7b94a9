"""Which of A's statuses a B wants: `2xx`, `200,204`, `!5xx`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_WORD = re.compile(r"[1-5](?:xx|[0-9][0-9])")


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses of A's answers to requests that a B gets. `text` is the field as in the B's line."""

    text: str
    accepted: frozenset[int] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> Statuses:
        """Read `2xx`, `200,204,3xx`, or `!5xx` for all others. Raises ValueError."""
        words = text.removeprefix("!").split(",")
        if not all(map(_WORD.fullmatch, words)):
            raise ValueError(f"must be statuses of A with commas between, such as 2xx, 200,304 or !5xx: {text!r}")
        named = {status for word in words for status in range(600) if re.fullmatch(word.replace("x", "."), str(status))}
        return cls(text, frozenset(set(range(600)) - named if text.startswith("!") else named))

    def __contains__(self, status: int) -> bool:
        return status in self.accepted
