"""The tables: pairs and the keys they are kept for, chapters, documents; bounded by bytes and by age.

Every method may raise sqlite3.Error or OSError. Then this object is closed and not used again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Sequence
from random import Random

from httptee.compare import Difference, Key, Outline, Scalar
from httptee.verdict.evidence.database import FILE, log_bytes
from httptee.verdict.evidence.samples import Place, Samples, Seen
from httptee.verdict.evidence.stored import StoredPair, packed, unpacked

LONGEST_PATH = 1000
_MOST_KEYS_OF_A_PAIR = 50
_EXAMPLES = 8  # the numbers of kept pairs that a report names for a key
_GREATEST = "greatest"  # the document with the greatest number of all deleted pairs
_ROW = 300  # bytes that a pair takes in the tables beside its own, about
_FILLED = 0.7  # the part of the file for pairs: the rest is for documents, indexes and half empty pages
_LONGEST_LOG = 64 << 20

_KEYS = """
SELECT backend, chapter, route, part, path, kind, id, count, a, b, masked FROM keys
WHERE (backend, chapter) IN (SELECT backend, max(number) FROM chapters GROUP BY backend)
"""

Slots = list[tuple[Seen, int]]


class Chest:
    """One open database. `directory` is where its file is, or empty."""

    def __init__(
        self, connection: sqlite3.Connection, max_bytes: int, max_age: float, random: Random, directory: str = ""
    ) -> None:
        self._db = connection
        self._most = int(max_bytes * _FILLED)
        self._max_age = max_age
        self._directory = directory
        self._open = False
        self._samples = Samples(random)
        try:
            self._bytes: int = self._one("SELECT coalesce(sum(size), 0) FROM pairs")
            for backend, chapter, route, part, path, kind, row, count, a, b, masked in self._db.execute(_KEYS):
                seen = Seen(row, count, a, b, bool(masked), changed=False)
                self._samples.restore((backend, chapter, route, Key(part, path, kind)), seen)
        except BaseException:
            self.close()
            raise

    def draw(self, backend: str, chapter: int, route: str, found: Sequence[Difference]) -> Slots:
        """Count the keys of a pair; the slots that it gets."""
        keys = {storable(one.key): None for one in found[:_MOST_KEYS_OF_A_PAIR]}
        drawn = [self._samples.draw((backend, chapter, route, key)) for key in keys]
        return [slot for slot in drawn if slot is not None]

    def put(self, pair: StoredPair, slots: Slots | None) -> bool:
        """Store the pair in these slots, each in place of the pair that was there. None: replace a stored pair.

        Returns False if it is too large, or if the pair to replace is gone.
        """
        if slots is None and not self._one("SELECT count(*) FROM pairs WHERE number = ?", pair.number):
            return False
        head, bodies = packed(pair)
        size = len(head) + len(bodies) + _ROW
        if size > self._most // 4:
            return False
        self._begin()
        self._bytes += size - self._one("SELECT coalesce(sum(size), 0) FROM pairs WHERE number = ?", pair.number)
        row = (pair.number, pair.backend, pair.chapter, pair.route, pair.at, size, head, bodies)
        self._db.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for seen, slot in slots or ():
            before = self._db.execute("SELECT pair FROM kept WHERE key = ? AND slot = ?", (seen.row, slot)).fetchone()
            self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (seen.row, slot, pair.number))
            if before is not None and not self._one("SELECT count(*) FROM kept WHERE pair = ?", before[0]):
                self._delete(before)
        while self._bytes > self._most:
            self._delete(
                [number for (number,) in self._db.execute("SELECT number FROM pairs ORDER BY number LIMIT 50")]
            )
        return True

    def pair(self, number: int) -> StoredPair | None:
        """The pair with this number."""
        return stored_pair(self._db, number)

    def next_number(self) -> int:
        """One more than the greatest number that any pair had."""
        greatest = int(self.load(_GREATEST) or 0)
        return max(greatest, self._one("SELECT coalesce(max(number), 0) FROM pairs")) + 1

    def save(self, name: str, text: str, now: float) -> None:
        """Store a document."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (name, now, text))

    def load(self, name: str) -> str | None:
        """The text of a document."""
        row = self._db.execute("SELECT value FROM documents WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def chapter(self, backend: str, fingerprint: str, reset: bool, now: float) -> int:
        """The number of the present chapter of a B."""
        query = "SELECT number, fingerprint FROM chapters WHERE backend = ? ORDER BY number DESC LIMIT 1"
        number, before = self._db.execute(query, (backend,)).fetchone() or (0, "")
        if number and before == fingerprint and not reset:
            return int(number)
        self.keep_chapter(backend, fingerprint, number + 1, now)
        self._samples.forget_before(backend, number + 1)
        return int(number) + 1

    def keep_chapter(self, backend: str, fingerprint: str, number: int, now: float) -> None:
        """Store a chapter."""
        self._begin()
        self._db.execute("INSERT OR REPLACE INTO chapters VALUES (?, ?, ?, ?)", (backend, number, fingerprint, now))

    def note_example(self, pair: StoredPair, one: Difference, masked: bool) -> None:
        """Remember the values of a difference, without credentials, as an example of its key."""
        seen = self._samples.keys.get((pair.backend, pair.chapter, pair.route, one.key))
        if seen is not None and (masked > seen.masked or not seen.a):
            seen.a, seen.b, seen.masked, seen.changed = as_text(one.a), as_text(one.b), masked, True

    def example(self, place: Place) -> tuple[Seen, tuple[int, ...]] | None:
        """Of a key: its example, and the numbers of the first pairs that are kept for it."""
        seen = self._samples.keys.get(place)
        if seen is None:
            return None
        query = f"SELECT pair FROM kept WHERE key = ? ORDER BY slot LIMIT {_EXAMPLES}"
        return seen, tuple(number for (number,) in self._db.execute(query, (seen.row,)))

    def commit(self, now: float) -> None:
        """Delete what is too old, write the counts, and commit."""
        if self._directory and not os.path.exists(os.path.join(self._directory, FILE)):
            raise OSError("the file was removed")
        changed = self._samples.changes()
        if changed:
            self._begin()
            query = "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            self._db.executemany(query, map(_row, changed))
        oldest = self._db.execute("SELECT number FROM pairs WHERE at < ? LIMIT 1000", (now - self._max_age,)).fetchall()
        if oldest:
            self._begin()
            self._delete([number for (number,) in oldest])
        if self._open:
            self._db.execute("COMMIT")
            self._open = False

    def close(self) -> None:
        """Close the database; what is not committed is lost."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _begin(self) -> None:
        if not self._open:
            if log_bytes(self._directory) > _LONGEST_LOG:
                raise OSError("a reader that does not end keeps the log of the file from being written back")
            self._db.execute("BEGIN IMMEDIATE")
            self._open = True

    def _one(self, query: str, *values: int) -> int:
        return int(self._db.execute(query, values).fetchone()[0])

    def _delete(self, numbers: Sequence[int]) -> None:
        """Delete pairs, and the keys for which no pair is kept any more: such a key begins anew."""
        if not numbers:
            self._bytes = 0
            return
        if max(numbers) > int(self.load(_GREATEST) or 0):
            self.save(_GREATEST, str(max(numbers)), 0.0)
        one = [(number,) for number in numbers]
        rows = {row for number in one for (row,) in self._db.execute("SELECT key FROM kept WHERE pair = ?", number)}
        self._db.executemany("DELETE FROM pairs WHERE number = ?", one)
        self._db.executemany("DELETE FROM kept WHERE pair = ?", one)
        empty = {row for row in rows if not self._one("SELECT count(*) FROM kept WHERE key = ?", row)}
        self._db.executemany("DELETE FROM keys WHERE id = ?", [(row,) for row in empty])
        if empty:
            self._samples.forget(empty)
        self._bytes = self._one("SELECT coalesce(sum(size), 0) FROM pairs")


def stored_pair(connection: sqlite3.Connection, number: int) -> StoredPair | None:
    """The pair with this number, or None; None too if its row is damaged. Raises sqlite3.Error."""
    if not 0 <= number < 1 << 63:
        return None
    row = connection.execute("SELECT head, bodies FROM pairs WHERE number = ?", (number,)).fetchone()
    try:
        return unpacked(*row) if row else None
    except ValueError:
        return None


def storable(key: Key) -> Key:
    """The key with a path that is not too long, as text that SQLite takes."""
    path = key.path[:LONGEST_PATH]
    return key if path == key.path and path.isascii() else Key(key.part, _text(path), key.kind)


def as_text(value: Scalar) -> str:
    """A value for a reader: a string in quotes, so that "1" is not taken for 1, and an object or a list without."""
    if isinstance(value, Outline):
        return _text(value)
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _text(json.dumps(value, ensure_ascii=False))


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _row(changed: tuple[Place, Seen]) -> tuple[str | int, ...]:
    (backend, chapter, route, key), seen = changed
    return (seen.row, backend, chapter, route, *key, seen.count, seen.a, seen.b, int(seen.masked))
