"""The files of a recording: their names, and what stands at the beginning of each."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from time import gmtime, strftime

import orjson

SUFFIX = ".rec"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Head:
    """The first record of each file. `primary` is A's address. `masked`: secrets were replaced before writing."""

    primary: str = ""
    masked: bool = True

    def packed(self) -> bytes:
        """The head as bytes."""
        return orjson.dumps({"recording": _FORMAT, "primary": self.primary, "masked": self.masked})

    @classmethod
    def unpacked(cls, data: bytes) -> Head | None:
        """The head in these bytes, or None if they are none. Raises ValueError for a format that is not known."""
        try:
            found = orjson.loads(data)
            form, primary, masked = found["recording"], str(found["primary"]), bool(found["masked"])
        except (ValueError, KeyError, TypeError):
            return None
        if form != _FORMAT:
            raise ValueError(f"this is a recording of format {form}; this program reads format {_FORMAT}")
        return cls(primary, masked)


@dataclass(frozen=True, slots=True)
class Loss:
    """What the writer says about exchanges that it did not record: how many or None if it is not known, why, and from
    when to when."""

    reason: str
    lost: int | None
    since: int
    until: int

    def packed(self) -> bytes:
        """The note as bytes."""
        return orjson.dumps({"reason": self.reason, "lost": self.lost, "since": self.since, "until": self.until})

    @classmethod
    def unpacked(cls, data: bytes) -> Loss | None:
        """The note in these bytes, or None if they are another one."""
        try:
            found = orjson.loads(data)
            lost = found["lost"]
            number = None if lost is None else int(lost)
            return cls(str(found["reason"]), number, int(found["since"]), int(found["until"]))
        except (ValueError, KeyError, TypeError):
            return None


def new_name() -> str:
    """A name for the files of one start of a program: the time in UTC, and something that makes it unique."""
    return f"{strftime('%Y%m%dT%H%M%SZ', gmtime())}-{secrets.token_hex(4)}"
