"""One document in memory that forked processes share. One process writes it, any other reads it, and nobody waits."""

from __future__ import annotations

import mmap
from dataclasses import asdict, dataclass
from struct import Struct
from zlib import crc32

import orjson

_HEAD = Struct("<III")  # number, length, checksum


@dataclass(frozen=True, slots=True)
class Shipped:
    """What became of the records of an outbox in this run of the tee: `left` were there at its start. Those left and
    those recorded since are `shipped`, `waiting` or `lost`. `size` is in bytes. `gaps` has the latest losses: a number
    or None if it is not known, the first and the last stamp in nanoseconds since the epoch, and the reason. `error`
    says why nothing is shipped, or is empty."""

    left: int = 0
    shipped: int = 0
    waiting: int = 0
    lost: int = 0
    size: int = 0
    gaps: tuple[tuple[int | None, int, int, str], ...] = ()
    error: str = ""
    began: tuple[int, int] = (0, 0)
    """What was shipped and lost before this run."""

    def __str__(self) -> str:
        left = f"left={self.left} " if self.left else ""
        return f"{left}shipped={self.shipped} outbox={self.waiting} lost={self.lost}"


class Board:
    """`<Board [3 documents]>`: it must be made before the processes are forked. A document that is longer than its
    memory, of `size` bytes, loses its oldest gaps.

    Two documents are written in turn, so one of them is whole even if the process is killed that writes.
    """

    def __init__(self, size: int = 16 * 1024) -> None:
        self._size = size
        self._memory = mmap.mmap(-1, 2 * size)

    def __repr__(self) -> str:
        return f"<Board [{self._newest()[0]} documents]>"

    def publish(self, shipped: Shipped) -> None:
        """Replace the document. For one process at a time."""
        found = asdict(shipped)
        while len(data := orjson.dumps(found)) > self._size - _HEAD.size:
            found["gaps"] = found["gaps"][1 + len(found["gaps"]) // 2 :]
            found["error"] = found["error"][:200]
        number = self._newest()[0] + 1
        start = number % 2 * self._size
        whole = _HEAD.pack(number, len(data), crc32(data, number)) + data
        self._memory[start : start + len(whole)] = whole

    def read(self) -> Shipped:
        """The document; one of zeros before the first."""
        number, data = self._newest()
        if not number:
            return Shipped()
        found = orjson.loads(data)
        return Shipped(**{**found, "gaps": tuple(map(tuple, found["gaps"])), "began": tuple(found["began"])})

    @property
    def written(self) -> bool:
        """Whether there is a document."""
        return self._newest()[0] > 0

    def _newest(self) -> tuple[int, bytes]:
        """The newest document that is whole, and its number, from 1; 0 if there is none."""
        newest, found = 0, b""
        for start in (0, self._size):
            number, length, checksum = _HEAD.unpack_from(self._memory, start)
            begin = start + _HEAD.size
            data = self._memory[begin : begin + min(length, self._size)]
            if number > newest and checksum == crc32(data, number):
                newest, found = number, data
        return newest, found
