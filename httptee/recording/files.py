"""The files of a recording: their names, what stands at the beginning of each, and how many a directory holds."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from time import gmtime, strftime

import orjson

from httptee.journal import stored

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


@dataclass(frozen=True, slots=True)
class Survey:
    """`size` is in bytes. `oldest` is the last write to the oldest file, in seconds since the epoch; 0.0 without one.
    `error` says why the directory cannot be read, or is empty."""

    files: int = 0
    size: int = 0
    oldest: float = 0.0
    error: str = ""


def survey(directory: str, suffix: str = SUFFIX) -> Survey:
    """Look at the directory of a recording, or of its outbox. Raises nothing: one that cannot be read has an
    `error`."""
    try:
        found = stored(Path(directory), suffix)
    except FileNotFoundError:  # it is made with the first record
        return Survey()
    except OSError as error:
        return Survey(error=error.strerror or str(error))
    return Survey(len(found), sum(one.size for one in found), found[0].written if found else 0.0)
