"""How far one stream has been settled: in a file that survives the end of any process, and a cut of the power.

The file has two slots with the sequence up to which everything is settled. They are written in turn, each with a
checksum, so one of them is always whole. Behind that sequence, one byte says of each record whether it is settled:
lanes are settled out of order. The kernel keeps these bytes when a process is killed. When the machine has stopped they
may be torn, so they do not count after its next start: then some clones are sent twice, and none is left out.

The worker process that writes the stream makes the file before its first record, so that a full disk cannot keep the
drainer from saving its place. It also writes there how many records it has stored.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from struct import Struct
from zlib import crc32

WINDOW = 16 * 1024
"""Records behind the last one before which all are settled; those beyond it must wait."""

_SLOT = Struct("<QQI")  # generation, sequence, checksum
_SLOTS = (0, 64)
_WRITTEN_AT = 128
_WRITTEN = Struct("<QQ")  # the sequence, and its complement
_BOOT_AT, _BOOT_SIZE = 192, 36
_MARKS_AT = 4096
_SIZE = _MARKS_AT + WINDOW
_CODES = 250


def boot_id() -> bytes:
    """A text that is another one after each start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes()[:_BOOT_SIZE]
    except OSError:
        return b""


def make_cursor(path: Path) -> int:
    """Make the file, with room for everything, and return its descriptor. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(descriptor).st_size < _SIZE:
            _fill(descriptor, bytes(_SIZE))
            os.pwrite(descriptor, boot_id(), _BOOT_AT)
    except OSError:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    return descriptor


def note_written(descriptor: int, sequence: int) -> None:
    """Note the last sequence that is stored. Raises OSError."""
    os.pwrite(descriptor, _WRITTEN.pack(sequence, ~sequence & 0xFFFF_FFFF_FFFF_FFFF), _WRITTEN_AT)


class Cursor:
    """`<Cursor at 12>`: the settled records of one stream. The file is made if it is missing, unless `look_only`: then
    nothing is written, so another process may have it. While a disk has no room for the file, the place is in memory
    only: what was settled then is sent again if this process ends. Raises OSError."""

    def __init__(self, path: Path, *, look_only: bool = False) -> None:
        self.path = path
        self.fresh = not path.exists()
        """Whether there was no file, so that it is not known what is settled."""
        self._look_only = look_only
        self._in_memory = look_only and self.fresh
        if look_only:
            self._descriptor = os.open("/dev/null" if self._in_memory else path, os.O_RDONLY)
        else:
            try:
                self._descriptor = make_cursor(path)
            except OSError:
                if not self.fresh:
                    raise
                self._descriptor, self._in_memory = os.open("/dev/null", os.O_RDWR), True
        data = os.pread(self._descriptor, _SIZE, 0).ljust(_SIZE, b"\0")
        self.low = 0
        """Everything up to this sequence is settled."""
        self._generation = 0
        for at in _SLOTS:
            generation, low, check = _SLOT.unpack_from(data, at)
            if check == crc32(data[at : at + 16]) and generation > self._generation:
                self._generation, self.low = generation, low
        self._marks = bytearray(data[_MARKS_AT:_SIZE])
        restarted = not boot_id() or data[_BOOT_AT : _BOOT_AT + _BOOT_SIZE] != boot_id()
        if restarted:
            self._marks = bytearray(WINDOW)
        if restarted and not look_only and not self._in_memory:
            _fill(self._descriptor, bytes(WINDOW), _MARKS_AT)
            os.fsync(self._descriptor)
            os.pwrite(self._descriptor, boot_id(), _BOOT_AT)
        self._saved = self.low
        self._advance()

    def __repr__(self) -> str:
        return f"<Cursor at {self.low}>"

    @property
    def written(self) -> int:
        """The last sequence that the writer has stored, by what it has noted; 0 if it is not known."""
        sequence, complement = _WRITTEN.unpack(os.pread(self._descriptor, 16, _WRITTEN_AT).ljust(16, b"\0"))
        return int(sequence) if sequence ^ complement == 0xFFFF_FFFF_FFFF_FFFF else 0

    def settled(self, sequence: int) -> bool:
        """Whether a record is settled."""
        return sequence <= self.low or self._marks[sequence % WINDOW] == _code(sequence)

    def has_room(self, sequence: int) -> bool:
        """Whether the record may be settled now: it is not too far behind the first one that is not settled."""
        return sequence <= self.low + WINDOW

    def settle(self, sequence: int) -> None:
        """Note that a record is settled. An error of the disk costs no more than a repeat."""
        if self.settled(sequence):
            return
        at, code = sequence % WINDOW, _code(sequence)
        self._marks[at] = code
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, bytes((code,)), _MARKS_AT + at)
        self._advance()
        if self.low - self._saved >= WINDOW // 4:
            self.save()

    def skip_to(self, sequence: int) -> None:
        """What comes before is settled: its segments are gone."""
        if sequence > self.low:
            self.low = sequence
            self._advance()

    def save(self, *, sync: bool = False) -> None:
        """Write the place, and have the disk hold it if `sync`. Files are removed after that. Raises OSError."""
        if self._in_memory and not self._made():
            return
        if self.low != self._saved and not self._look_only:
            numbers = _SLOT.pack(self._generation + 1, self.low, 0)[:16]
            at = _SLOTS[(self._generation + 1) % 2]
            os.pwrite(self._descriptor, numbers + crc32(numbers).to_bytes(4, "little"), at)
            self._generation += 1
            self._saved = self.low
        if sync:
            os.fsync(self._descriptor)

    def _made(self) -> bool:
        """Make the file that there was no room for, with what is in memory; whether there is room now."""
        if self._look_only:
            return False
        try:
            descriptor = make_cursor(self.path)
        except OSError:
            return False
        os.close(self._descriptor)
        self._descriptor, self._in_memory, self._saved = descriptor, False, -1
        _fill(descriptor, bytes(self._marks), _MARKS_AT)
        return True

    def remove(self) -> None:
        """Close and remove the file: its stream is gone."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Save the place and close the file. May be called twice."""
        descriptor = self._descriptor
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                self.save()
            self._descriptor = -1
            os.close(descriptor)

    def _advance(self) -> None:
        marks, low = self._marks, self.low
        while marks[(low + 1) % WINDOW] == _code(low + 1):
            low += 1
        self.low = low


def _code(sequence: int) -> int:
    """The mark of a settled record. It differs from those of the records that had the same byte before."""
    return 1 + sequence // WINDOW % _CODES


def _fill(descriptor: int, data: bytes, at: int = 0) -> None:
    """Write all bytes. Raises OSError."""
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], at + done)
