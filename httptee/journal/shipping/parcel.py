"""What the payload of a shipped message is: a letter, and what the letter says. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

RECORD, NOTE, HEAD, MISSING = b"R", b"N", b"H", b"M"
"""A record, a note of a segment, the head of a segment, and `Missing`."""

DAMAGED, REMOVED, LOST = "damaged", "removed", "lost"
"""Reasons: the disk has damaged them, the limits of the directory have removed them, their writer was killed."""

TOO_LARGE = "too_large"
"""The engine does not take a record of this size."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Records that did not get into the engine: how many, or None if it is not known, and between which stamps, in
    nanoseconds since the epoch, both included. `reason` is `damaged`, `removed`, `lost` or `too_large`."""

    count: int | None
    first: int
    last: int
    reason: str

    def packed(self) -> bytes:
        """The content of its parcel."""
        return orjson.dumps([self.count, self.first, self.last, self.reason])

    @classmethod
    def unpacked(cls, data: bytes) -> Missing:
        """What such a content says. Raises ValueError."""
        try:
            count, first, last, reason = orjson.loads(data)
            return cls(None if count is None else int(count), int(first), int(last), str(reason))
        except (ValueError, TypeError) as error:
            raise ValueError(f"this says of no records that they are missing: {error}") from None


@dataclass(frozen=True, slots=True)
class Parcel:
    """The payload of a message, taken apart. One of the four is there: `record`, `note`, `head` or `missing`."""

    record: bytes | None = None
    note: bytes | None = None
    head: bytes | None = None
    missing: Missing | None = None

    @classmethod
    def unpacked(cls, payload: bytes) -> Parcel:
        """Take a payload apart. Raises ValueError if it was not made by a `Shipper`."""
        kind, content = payload[:1], payload[1:]
        if kind == RECORD:
            return cls(record=content)
        if kind == NOTE:
            return cls(note=content)
        if kind == HEAD:
            return cls(head=content)
        if kind == MISSING:
            return cls(missing=Missing.unpacked(content))
        raise ValueError("this message was not put into the topic by httptee")
