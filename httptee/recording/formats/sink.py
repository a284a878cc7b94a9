"""Exchanges written as a recording, or in a format of another program."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import sys
from collections import Counter
from typing import BinaryIO, Protocol, cast

from httptee.recording import Exchange, RecordingWriter
from httptee.recording.formats.gor import GorWriter
from httptee.recording.formats.har import HarWriter
from httptee.recording.formats.targets import CurlWriter, VegetaTextWriter, VegetaWriter

FORMATS = ("recording", "gor", "har", "vegeta", "vegeta-http", "curl")
_BY_NAME = {".gor": "gor", ".har": "har", ".sh": "curl", ".json": "vegeta", ".jsonl": "vegeta", ".txt": "vegeta-http"}
_NO_OUTPUT = {
    "recording": "a recording is a directory, and not standard output; --as says another form",
    "vegeta-http": "vegeta's text needs a file: the bodies go to files beside it",
}


class Writer(Protocol):
    """What writes a format. `losses` counts what was not written, or not whole."""

    losses: Counter[str]

    def write(self, exchange: Exchange) -> None:
        """Write one exchange. Raises OSError."""

    def close(self) -> None:
        """Write what is left. Raises OSError."""


class Sink:
    """Writes exchanges to `path`, which must be new; `-` is standard output. `kind` is one of FORMATS.

    The file or directory has its name once all is written, and is removed if it was not. So is the directory of bodies
    beside it, which must be new too. They are the user's alone: they hold what was recorded. `server` is a URL for
    targets and commands; `primary` is A's address and `masked` says whether secrets are replaced, for a recording.
    `form` says what the format has no place for. Raises OSError.
    """

    def __init__(self, path: str, kind: str, server: str = "", primary: str = "", masked: bool = True) -> None:
        if path != "-" and os.path.lexists(path):
            raise FileExistsError(f"{path}: it exists already")
        if path != "-" and not os.path.isdir(directory := os.path.dirname(path) or "."):
            raise FileNotFoundError(f"{directory}: there is no such directory")
        self._path = path
        self._part = "" if path == "-" else f"{path}.{os.getpid()}.part"
        self._file: BinaryIO | None = None
        self._zipped: gzip.GzipFile | None = None
        self._bodies = ""  # the directory, once it is made
        self.writer: Writer
        try:
            self.writer = self._made(kind, server, primary, masked)
        except BaseException:
            self._discard()
            raise
        self.form: str = getattr(self.writer, "losses_of_form", "")

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._close()
        except BaseException:
            self._discard()
            raise

    def _close(self) -> None:
        self.writer.close()
        if self._zipped is not None:
            self._zipped.close()
        if self._file is not None:
            self._file.flush() if self._path == "-" else self._file.close()
        if self._bodies:
            with contextlib.suppress(OSError):
                os.rmdir(self._bodies)  # there were none
        if self._part:
            os.rename(self._part, self._path)

    def _discard(self) -> None:
        """Remove what was made."""
        if not self._part:
            return
        with contextlib.suppress(OSError):
            if self._file is not None:
                self._file.close()
        for left in filter(None, (self._part, self._bodies)):
            shutil.rmtree(left, ignore_errors=True)
            with contextlib.suppress(OSError):
                os.unlink(left)

    def _opened(self) -> BinaryIO:
        if self._path == "-":
            self._file = sys.stdout.buffer
            return self._file
        descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._file = open(descriptor, "wb")  # noqa: SIM115
        return self._file

    def _made(self, kind: str, server: str, primary: str, masked: bool) -> Writer:
        if self._path == "-" and kind in ("recording", "vegeta-http"):
            raise ValueError(_NO_OUTPUT[kind])
        if kind == "recording":
            return _Recorder(self._part, primary, masked)
        if kind == "vegeta-http":
            bodies = f"{self._path}.bodies"
            if os.path.lexists(bodies):
                raise FileExistsError(f"{bodies}: it exists already")
            os.mkdir(bodies, 0o700)
            self._bodies = bodies
        file = self._opened()
        if self._path.endswith(".gz"):
            self._zipped = gzip.GzipFile("", "wb", 6, file, mtime=0)  # without a time: equal content is an equal file
            file = cast(BinaryIO, self._zipped)
        if kind == "gor":
            return GorWriter(file)
        if kind == "har":
            return HarWriter(file)
        if kind == "curl":
            return CurlWriter(file, server)
        return VegetaTextWriter(file, server, self._bodies) if self._bodies else VegetaWriter(file, server)


class _Recorder:
    """Writes a recording."""

    def __init__(self, directory: str, primary: str, masked: bool) -> None:
        self.losses: Counter[str] = Counter()
        self._writer = RecordingWriter(directory, primary, masked=masked)

    def write(self, exchange: Exchange) -> None:
        """Write one exchange. Raises OSError."""
        self._writer.write(exchange)

    def close(self) -> None:
        """Write the index. Raises OSError."""
        self._writer.close()


def format_named(path: str) -> str:
    """The format that a name stands for, or empty: `x.gor`, `x.gor.gz`. A name without an ending is a recording."""
    ending = os.path.splitext(path.removesuffix(".gz"))[1]
    return _BY_NAME.get(ending.lower(), "") if ending else "recording"
