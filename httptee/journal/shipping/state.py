"""How far a directory was shipped: in one file that survives the end of any process.

The file has two slots, which are written in turn, each with a checksum, so one of them is always whole. They are there
in full from the beginning: a full disk cannot keep them from being written. The lock of the file says who ships.

Before a batch goes to the engine, the file says what is in it. So after a kill the same records are put in again with
the same numbers. When the machine has stopped, the file may be older than the engine. Then a new writer begins: some
records are in the topic twice, and none is left out.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from struct import Struct
from typing import Any
from zlib import crc32

import orjson

from httptee.journal.shipping.parcel import Missing

_SLOT = 128 * 1024  # bytes
_HEAD = Struct("<QII")  # generation, length, checksum
_FORMAT = 1
_STREAMS = 100  # places of streams without a segment that are kept: their writers may go on
_GAPS = 100


@dataclass(frozen=True, slots=True)
class Place:
    """How far one stream was shipped: up to `offset` in the segment with this `marker`, and the sequence and the stamp
    of the last record before. `sequence` is -1 if it is not known. `damaged`: bytes behind that record are."""

    marker: str = ""
    offset: int = 0
    sequence: int = -1
    stamp: int = 0
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A batch that may be in the engine: up to where its stream is shipped with it, how many messages of each partition
    it has, and whether it says that the stream ends without a close."""

    stream: str
    after: Place
    messages: dict[int, int]
    abandoned: bool = False


@dataclass(slots=True)
class State:
    """What is saved. `numbers` has the last number of each partition. `shipped` and `lost` count records, and `gaps`
    has the latest losses."""

    writer: str
    label: str
    numbers: dict[int, int] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    shipped: int = 0
    lost: int = 0
    gaps: list[Missing] = field(default_factory=list)
    plan: Plan | None = None

    def miss(self, missing: Missing) -> None:
        """Count what is missing. The latest losses are kept."""
        self.lost += missing.count or 0
        self.gaps = [*self.gaps[1 - _GAPS :], missing]

    def forget(self, there: set[str]) -> None:
        """Forget the oldest streams that have no segments any more. `there` has those with segments."""
        gone = [name for name in self.places if name not in there]
        for name in gone[: max(0, len(gone) - _STREAMS)]:
            del self.places[name]

    def packed(self) -> bytes:
        """The state as bytes."""
        plan = self.plan
        return orjson.dumps(
            {
                "format": _FORMAT,
                "boot": _boot_id(),
                "writer": self.writer,
                "label": self.label,
                "numbers": list(self.numbers.items()),
                "places": {name: _listed(place) for name, place in self.places.items()},
                "counts": [self.shipped, self.lost],
                "gaps": [[gap.count, gap.first, gap.last, gap.reason] for gap in self.gaps],
                "plan": plan and [plan.stream, _listed(plan.after), list(plan.messages.items()), plan.abandoned],
            }
        )

    @classmethod
    def unpacked(cls, data: bytes, writer: str, label: str) -> State:
        """The state in these bytes, for a topic with this label. What the engine has of an earlier start of the machine
        or of another topic is not known: then the writer is a new one, whose name begins with `writer`."""
        fresh = cls(f"{writer}.{token_hex(4)}", label)
        try:
            found: dict[str, Any] = orjson.loads(data)
            if found["format"] != _FORMAT:
                return fresh
            fresh.places = {name: Place(*place) for name, place in found["places"].items()}
            fresh.shipped, fresh.lost = found["counts"]
            fresh.gaps = [Missing(*gap) for gap in found["gaps"]]
            if found["boot"] == _boot_id() and found["label"] == label:
                fresh.writer = found["writer"]
                fresh.numbers = {int(partition): int(number) for partition, number in found["numbers"]}
                if plan := found["plan"]:
                    fresh.plan = Plan(plan[0], Place(*plan[1]), {int(key): int(n) for key, n in plan[2]}, plan[3])
        except (ValueError, KeyError, TypeError, IndexError):
            return cls(fresh.writer, label)
        return fresh


class StateFile:
    """The file `path`, which is made if it is missing. Raises OSError. BlockingIOError: another process ships."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            missing = 2 * _SLOT - os.fstat(self._descriptor).st_size
            if missing > 0:
                os.posix_fallocate(self._descriptor, 2 * _SLOT - missing, missing)
        except OSError:
            os.close(self._descriptor)
            raise
        self._generation, self.data = 0, b""
        for number in range(2):
            generation, data = self._slot(number)
            if generation > self._generation:
                self._generation, self.data = generation, data

    def save(self, data: bytes, *, sync: bool = False) -> None:
        """Store the data, and have the disk hold it if `sync`. Raises OSError, and ValueError if it is too long."""
        if len(data) > _SLOT - _HEAD.size:
            raise ValueError("what is to be saved about the directory is too long")
        generation = self._generation + 1
        head = _HEAD.pack(generation, len(data), crc32(data, generation & 0xFFFF_FFFF))
        written, whole = 0, head + data
        while written < len(whole):
            written += os.pwrite(self._descriptor, whole[written:], generation % 2 * _SLOT + written)
        self._generation = generation
        if sync:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file, so that another process may ship. May be called twice."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child process that was forked meanwhile shares the lock
            os.close(descriptor)

    def _slot(self, number: int) -> tuple[int, bytes]:
        """The generation and the data of a slot; generation 0 if it is not whole."""
        found = os.pread(self._descriptor, _SLOT, number * _SLOT).ljust(_HEAD.size, b"\0")
        generation, length, checksum = _HEAD.unpack_from(found)
        data = found[_HEAD.size : _HEAD.size + length]
        whole = len(data) == length and checksum == crc32(data, generation & 0xFFFF_FFFF)
        return (generation, data) if whole else (0, b"")


def _listed(place: Place) -> list[Any]:
    return [place.marker, place.offset, place.sequence, place.stamp, place.damaged]


def _boot_id() -> str:
    """A text that is another one after each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
