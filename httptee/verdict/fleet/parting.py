"""In which partition the pairs of a route are.

Worker processes may name a route differently, and later it turns out that it is one: see `pairs.Folding`. Such names
have the same method, the same number of segments, and the same placeholders but for `{name}`. So only these decide, and
all pairs of a route meet in one court.
"""

from __future__ import annotations

from zlib import crc32

from httptee.compare import NAME


def key_of(route: str) -> int:
    """What decides, as a number of 32 bits, for a route such as `GET /users/{int}`."""
    method, _, path = route.partition(" ")
    known = (segment if "{" in segment and segment != NAME else "" for segment in path.split("/"))
    return crc32(f"{method} {'/'.join(known)}".encode("utf-8", "replace"))


def partition_of(route: str, partitions: int) -> int:
    """The partition of a route, from 0."""
    return key_of(route) % partitions
