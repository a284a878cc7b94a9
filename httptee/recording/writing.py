"""Writes a recording for a program: one writer, one thread."""

from __future__ import annotations

import errno
from pathlib import Path

from httptee.journal import Appended, JournalWriter, Limits
from httptee.recording.exchange import Exchange, encode
from httptee.recording.files import SUFFIX, Head, new_name

_BATCH = 256 * 1024  # bytes
_UNLIMITED = Limits(max_bytes=1 << 62, min_free=0.0)


class RecordingWriter:
    """Writes exchanges into a new recording in `directory`, which is made if it is missing. `primary` is A's address.
    `masked` says whether secrets are replaced in what is written.

    The order of the exchanges is the caller's: a reader sorts. Files are 0600, the directory 0700.
    """

    def __init__(self, directory: str | Path, primary: str = "", *, masked: bool = True) -> None:
        head = Head(primary, masked).packed()
        self._journal = JournalWriter(Path(directory), new_name(), SUFFIX, head, _UNLIMITED)
        self._waiting: list[tuple[int, bytes]] = []
        self._size = 0
        self._written = False

    def write(self, exchange: Exchange) -> None:
        """Write one exchange. Raises OSError if the disk takes no more, and ValueError if it cannot be encoded."""
        data = encode(exchange)
        self._waiting.append((exchange.arrived, data))
        self._size += len(data)
        if self._size >= _BATCH:
            self._flush()

    def close(self) -> None:
        """Write the index and close the file. May be called twice. Raises OSError."""
        if self._waiting or not self._written:
            self._flush()
        self._journal.close()

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _flush(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        self._written = True
        outcome = self._journal.append(waiting)
        if outcome is not Appended.COMMITTED:
            number = errno.ENOSPC if outcome is Appended.FULL else errno.EIO
            raise OSError(number, self._journal.error)
