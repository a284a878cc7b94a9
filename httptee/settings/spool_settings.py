"""The settings of the spool of one B, and the casts of their texts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from httptee.settings.casts import percent

_NAMED = re.compile(r"(header|query):([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128})")

AMBIGUOUS = ("retry", "idempotent", "never")
FSYNC = ("1s", "always", "never")
FULL = ("oldest", "newest")


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """The spool of one B. `max_age` is in seconds, `rate` in clones a second (0: no limit of its own), `min_free` a
    percentage of the disk. `check` is the path on B that is asked where no other lane can be a witness."""

    directory: str
    max_bytes: int = 1 << 30
    max_age: float = 24 * 3600.0
    min_free: float = 5.0
    lane: str = "connection"
    rate: int = 0
    fsync: str = "1s"
    ambiguous: str = "retry"
    full: str = "oldest"
    check: str = ""


def lane_name(text: str) -> str:
    """What clones keep the order with."""
    if text not in ("connection", "client", "all") and not _NAMED.fullmatch(text):
        raise ValueError(f"must be connection, client, header:NAME, query:NAME or all: {text!r}")
    return text


def free_percent(text: str) -> float:
    """A percentage of a disk, below 100."""
    found = percent(text)
    if found >= 100:
        raise ValueError(f"must be less than 100: {text!r}")
    return found


def spool_directory(text: str) -> str:
    """A directory, or the empty text for `off`."""
    return "" if text == "off" else text
