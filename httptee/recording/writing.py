"""Writes a recording for a program: one writer, one thread."""

from __future__ import annotations

from pathlib import Path

from httptee.recording.exchange import Exchange


class RecordingWriter:
    """Writes exchanges into a new recording in `directory`, which is made if it is missing. `primary` is A's address.

    The order of the exchanges is the caller's: a reader sorts. Files are 0600, the directory 0700.
    """

    def __init__(self, directory: str | Path, primary: str = "") -> None:
        raise NotImplementedError

    def write(self, exchange: Exchange) -> None:
        """Write one exchange. Raises OSError if the disk takes no more, and ValueError if it cannot be encoded."""
        raise NotImplementedError

    def close(self) -> None:
        """Write the index and close the file. May be called twice. Raises OSError."""
        raise NotImplementedError

    def __enter__(self) -> RecordingWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
