"""The file: its directory and modes, its schema, opened to write by one process and to read by others."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

FILE = "verdict.sqlite"
VERSION = 1
_PAGE = 4096
_WAL_PAGES = 1000  # after so many pages the write-ahead log is written back
_PATIENCE = 2.0  # seconds that a reader waits for a lock

SCHEMA = """
CREATE TABLE chapters (
    backend TEXT NOT NULL, number INTEGER NOT NULL, fingerprint TEXT NOT NULL, since REAL NOT NULL,
    PRIMARY KEY (backend, number)
);
CREATE TABLE pairs (
    number INTEGER PRIMARY KEY, backend TEXT NOT NULL, chapter INTEGER NOT NULL, route TEXT NOT NULL, at REAL NOT NULL,
    size INTEGER NOT NULL, head TEXT NOT NULL, bodies BLOB NOT NULL
);
CREATE INDEX pairs_by_age ON pairs (at);
CREATE TABLE keys (
    id INTEGER PRIMARY KEY, backend TEXT NOT NULL, chapter INTEGER NOT NULL, route TEXT NOT NULL, part TEXT NOT NULL,
    path TEXT NOT NULL, kind TEXT NOT NULL, count INTEGER NOT NULL, a TEXT NOT NULL, b TEXT NOT NULL,
    masked INTEGER NOT NULL
);
CREATE TABLE kept (key INTEGER NOT NULL, slot INTEGER NOT NULL, pair INTEGER NOT NULL, PRIMARY KEY (key, slot))
    WITHOUT ROWID;
CREATE INDEX kept_by_pair ON kept (pair);
CREATE TABLE documents (name TEXT PRIMARY KEY, at REAL NOT NULL, value TEXT NOT NULL);
"""


class _Writer(sqlite3.Connection):
    """The only connection that writes to a file. `lock` is a descriptor with the lock that says so."""

    lock = -1

    def close(self) -> None:
        """Close the file, then free the lock. May be called twice."""
        try:
            super().close()
        finally:
            self.__del__()

    def __del__(self) -> None:
        lock, self.lock = self.lock, -1
        if lock >= 0:
            os.close(lock)


class Newer(Exception):
    """The file was written by a newer version of the program."""


class Unreadable(Exception):
    """There is no evidence here that can be read. The message is one line."""


def open_file(directory: str, max_bytes: int) -> sqlite3.Connection:
    """Open the file to write, and make it and its directory if needed. Raises OSError, sqlite3.Error or Newer.

    Two tees must not write to one file: their pairs would get the same numbers. So it is locked until it is closed.
    """
    os.makedirs(directory, mode=0o700, exist_ok=True)
    path = os.path.join(directory, FILE)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # the files beside it get the same mode
    finally:
        os.close(descriptor)
    connection = sqlite3.connect(path, timeout=0.1, isolation_level=None, check_same_thread=False, factory=_Writer)
    try:
        connection.lock = _locked(f"{path}.lock")
        connection.execute(f"PRAGMA page_size = {_PAGE}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_PAGES * _PAGE}")
        connection.execute(f"PRAGMA max_page_count = {max(max_bytes // _PAGE, 64)}")
        _prepare(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # it may be long after a reader that did not end
    except BaseException:
        connection.close()
        raise
    return connection


def _locked(path: str) -> int:
    """The descriptor of a file that this process has locked. Raises OSError."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise OSError("another process writes to it") from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def open_memory() -> sqlite3.Connection:
    """A database in the memory of this process."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    _prepare(connection)
    return connection


def move_aside(directory: str) -> None:
    """Rename a damaged file, in place of one that was damaged earlier, and delete the files beside it."""
    path = os.path.join(directory, FILE)
    os.replace(path, f"{path}.damaged")
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + suffix)


def log_bytes(directory: str) -> int:
    """The size of the write-ahead log: a reader that never ends keeps it from being written back."""
    try:
        return os.stat(os.path.join(directory, f"{FILE}-wal")).st_size
    except OSError:
        return 0


@contextlib.contextmanager
def reading(directory: str) -> Iterator[sqlite3.Connection]:
    """Open the file to read only, while another process writes it. Raises Unreadable, also for errors in the block."""
    path = Path(directory, FILE)
    try:
        if not path.exists():
            raise Unreadable(f"{directory}: {_what_is_there(path.parent)}")
        name = f"file:{quote(str(path.absolute()))}?mode=ro"
        # Without its write-ahead log nobody writes it; then it can be read even where nothing may be created.
        if not Path(f"{path}-wal").exists() and not os.access(directory, os.W_OK):
            name += "&immutable=1"
        with contextlib.closing(sqlite3.connect(name, uri=True, timeout=_PATIENCE)) as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version != VERSION:
                raise Unreadable(f"{directory}: written by another version of httptee (schema {version})")
            connection.execute("BEGIN")
            yield connection
    except (sqlite3.Error, OSError, ValueError, RecursionError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise Unreadable(f"{directory}: cannot read the verdict: {' '.join(said.split())}") from None


def _what_is_there(directory: Path) -> str:
    if not directory.exists():
        return "no such directory"
    below = sorted(str(path.parent) for path in directory.glob(f"*/{FILE}"))  # of each process, see `own_directory`
    return "no verdict in this directory" + (f", but in {', '.join(below)}" if below else "")


def _prepare(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise Newer(f"schema {version}; this is {VERSION}")
    if version == 0:
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
