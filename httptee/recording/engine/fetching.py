"""A recording in a topic becomes one in a directory: so everything that reads a recording reads a topic too."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from httptee.journal import Appended, JournalWriter, Limits
from httptee.journal.engines import Engine, Entry, Missing
from httptee.journal.shipping import Missing as Unshipped
from httptee.journal.shipping import Parcel
from httptee.recording import SUFFIX, Loss, Record

_BATCH = 256 * 1024  # bytes
_LIMITS = Limits(max_bytes=1 << 62, min_free=0.03, removes=False)
_TOLD = 100_000  # records between two words about how far it is
_GONE = "gone"


class Fetching:
    """Writes partitions of a topic into `directory`, as a recording. `count` is that of the records so far, and `gaps`
    that of what is missing. `tell` is called now and then with the count."""

    def __init__(self, directory: Path, tell: Callable[[int], object] = lambda count: None) -> None:
        self.count = self.gaps = 0
        self._directory = directory
        self._tell = tell
        self._heads: dict[str, bytes] = {}  # by the writers of the messages
        self._journals: dict[bytes, JournalWriter] = {}  # by their heads
        self._waiting: dict[bytes, list[Record]] = {}
        self._size = 0

    def fetch(self, engine: Engine, partitions: Iterable[int]) -> None:
        """Fetch what is in these partitions now. Raises Unavailable, OSError if the disk takes no more, and ValueError
        if the topic holds something else."""
        for partition in partitions:
            self._heads.clear()
            for found in engine.scan(partition):
                if isinstance(found, Missing):
                    self._note(b"", Loss(_GONE, found.count, found.since or found.until, found.until))
                else:
                    self._take(engine.label, found)
        self._flush()

    def close(self) -> None:
        """Close the files. May be called twice."""
        for journal in self._journals.values():
            journal.close()

    def _take(self, label: str, entry: Entry) -> None:
        message = entry.message
        try:
            parcel = Parcel.unpacked(message.payload)
        except ValueError:
            raise ValueError(f"{label}: this topic holds no recording") from None
        head = self._heads.get(message.writer, b"")
        if parcel.record is not None:
            self._waiting.setdefault(head, []).append((message.stamp, parcel.record))
            self._size += len(parcel.record)
            self.count += 1
            if self._size >= _BATCH:
                self._flush()
            if self.count % _TOLD == 0:
                self._tell(self.count)
        elif parcel.head is not None:
            self._heads[message.writer] = parcel.head
        elif parcel.note is not None:
            if (loss := Loss.unpacked(parcel.note)) is not None:
                self._note(head, loss)
        elif parcel.missing is not None:
            self._note(head, _loss(parcel.missing))

    def _note(self, head: bytes, loss: Loss) -> None:
        self.gaps += 1
        self._store(self._journal(head).note(loss.until, loss.packed()))

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, {}, 0
        for head, records in waiting.items():
            self._store(self._journal(head).append(records))

    def _journal(self, head: bytes) -> JournalWriter:
        if head not in self._journals:
            name = f"fetched-{os.getpid()}-{len(self._journals)}"
            self._journals[head] = JournalWriter(self._directory, name, SUFFIX, head, _LIMITS)
        return self._journals[head]

    def _store(self, outcome: Appended) -> None:
        if outcome is not Appended.COMMITTED:
            said = "the disk has no room for what is fetched; TMPDIR names another directory"
            error = next((journal.error for journal in self._journals.values() if journal.error), "")
            full = outcome is Appended.FULL
            raise OSError(errno.ENOSPC if full else errno.EIO, said if full else error, str(self._directory))


def _loss(missing: Unshipped) -> Loss:
    return Loss(missing.reason, missing.count, missing.first, missing.last)
