"""Points in time, identifiers and words as services write them."""

from __future__ import annotations

import time
import uuid
from random import Random

_TEXT = (
    "amber basin cedar delta ember fjord grove harbor island juniper kestrel lagoon meadow nectar orchid pebble "
    "quartz river saddle timber umber valley willow yarrow zephyr anchor bridge copper desert engine"
)
WORDS = tuple(_TEXT.split())


def iso(at: float) -> str:
    """A point in time to the second, as in ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def new_uuid(random: Random) -> str:
    """A random UUID."""
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def word(random: Random) -> str:
    """A word."""
    return WORDS[int(random.random() * len(WORDS))]
