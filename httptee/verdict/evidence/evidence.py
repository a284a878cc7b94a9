"""What the verdict rests on, in SQLite: pairs without credentials, the states of the courts, the latest reports."""

from __future__ import annotations

import json
import logging
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, TypeVar

from httptee.compare import Difference
from httptee.verdict.court import Again, Pair, Report
from httptee.verdict.evidence.chest import Chest
from httptee.verdict.evidence.database import Newer, move_aside, open_file, open_memory
from httptee.verdict.evidence.document import as_json
from httptee.verdict.evidence.keeping import KEEP, is_masked, kept
from httptee.verdict.evidence.publishing import published, without_examples
from httptee.verdict.evidence.stored import StoredPair

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_MEMORY = 16 << 20  # bytes that are kept while the file cannot be used
_TRY_AGAIN = 30.0  # seconds
_COMMIT = 1.0  # seconds from one commit to the next
_REMEMBERED = 4096  # the numbers of pairs that were added lately


class Evidence:
    """Written by one process, which makes it after its fork; others read the file meanwhile, see `Reader`.

    `directory` None: nothing outlives this object. `max_bytes` bounds the file, `max_age` (seconds) the age of pairs,
    and `keep` says how much of a pair is kept: `paths`, `values` or `full`.

    No method raises for what is wrong with the file: `failures` counts it, the log says it once, and the evidence goes
    on in memory until the file can be used. A damaged file is renamed, and another one begins.
    """

    def __init__(
        self,
        directory: str | None,
        max_bytes: int = 256 << 20,
        max_age: float = 7 * 86400.0,
        keep: str = "full",
        random: Random | None = None,
        clock: Callable[[], float] = time.time,
        id_header: str = "",
    ) -> None:
        if keep not in KEEP:
            raise ValueError(f"keep must be one of {', '.join(KEEP)}: {keep!r}")
        self.directory = directory
        self.keep = keep
        self._id_header = id_header
        self.failures = 0
        self.stored = 0
        self._bounds = (max_bytes, max_age)
        self._random = random or Random()
        self._clock = clock
        self._documents: dict[str, str] = {}  # what was saved, so that nothing of it is lost with the file
        self._chapters: dict[str, tuple[str, int]] = {}
        self._added: OrderedDict[int, bool] = OrderedDict()
        self._in_file = False
        self._said = ""
        self._tried = 0.0
        self._committed = clock()
        self._chest = self._memory() if directory is None else self._opened()

    def add(self, pair: Pair, found: Sequence[Difference], again: Again | None = None) -> bool:
        """Keep the pair, if it is among those that are kept for one of its keys. Returns whether it is.

        Added a second time, now with `again`, it replaces what was kept of it, and is not counted a second time.
        """
        known = self._added.get(pair.number)
        if known is False:
            return False
        chapter = self._chapter_of(pair.backend)
        stored = self._safely(lambda chest: self._add(chest, pair, found, again, chapter, known is True), False)
        self._added[pair.number] = stored
        if len(self._added) > _REMEMBERED:
            self._added.popitem(last=False)
        self._commit_in_time()
        return stored

    def pair(self, number: int) -> StoredPair | None:
        """The pair with this number, if it is kept."""
        return self._safely(lambda chest: chest.pair(number), None)

    def next_number(self) -> int:
        """A number above those of all pairs that were ever stored here: the first one for a judge that starts."""
        return max(self._safely(lambda chest: chest.next_number(), 1), max(self._added, default=0) + 1)

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Store a JSON document in place of the one with this name, and commit. Examples in a court's state are left
        out: they may be credentials."""
        text = as_json(without_examples(value))
        self._documents[name] = text
        self._safely(lambda chest: chest.save(name, text, self._clock()), None)
        self.flush()

    def load(self, name: str) -> dict[str, Any] | None:
        """The document with this name, or None."""
        text = self._documents.get(name) or self._safely(lambda chest: chest.load(name), None)
        try:
            value = json.loads(text) if text else None
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def chapter(self, backend: str, fingerprint: str, reset: bool = False) -> int:
        """The number of the present chapter of a B, from 1. Another fingerprint, or `reset`, begins a new one."""
        number = self._safely(lambda chest: chest.chapter(backend, fingerprint, reset, self._clock()), 1)
        self._chapters[backend] = (fingerprint, number)
        self.flush()
        return number

    def publish(self, reports: Sequence[Report], **more: Any) -> None:
        """Save the reports of all Bs for the readers, with the kept pairs as examples, and without credentials.

        `more` is stored beside them, for example the rules in force.
        """
        chapters = {backend: number for backend, (_, number) in self._chapters.items()}
        safe = self._safely(lambda chest: published(reports, chest.example, chapters, self.keep), None)
        if safe is not None:
            self.save("reports", {"at": self._clock(), "reports": safe, **more})

    def reports(self) -> list[dict[str, Any]]:
        """The reports that were published last."""
        found = self.load("reports") or {}
        reports: list[dict[str, Any]] = found.get("reports", [])
        return reports

    def flush(self) -> None:
        """Commit, and remove what is too old. `add` does it once a second; call it too when no pairs come."""
        self._committed = self._clock()
        self._safely(lambda chest: chest.commit(self._clock()), None)

    def close(self) -> None:
        """Commit and close. May be called twice."""
        self.flush()
        self._chest.close()

    def _add(
        self, chest: Chest, pair: Pair, found: Sequence[Difference], again: Again | None, chapter: int, known: bool
    ) -> bool:
        slots = None if known else chest.draw(pair.backend, chapter, pair.route, found)
        if not known and not slots:
            return False
        try:
            stored = kept(pair, found, again, self.keep, chapter, self._id_header)
        except Exception as error:  # where a credential may not have been found, nothing is stored
            self.failures += 1
            self._say(error, "a pair is left out")
            return False
        if not chest.put(stored, slots):
            return False
        for raw, safe in zip(found, stored.found, strict=False):
            chest.note_example(stored, safe, is_masked(raw, safe))
        self.stored += not known
        return True

    def _chapter_of(self, backend: str) -> int:
        known = self._chapters.get(backend)
        return known[1] if known else self.chapter(backend, "")

    def _commit_in_time(self) -> None:
        if not 0 <= self._clock() - self._committed < _COMMIT:
            self.flush()

    def _safely(self, work: Callable[[Chest], _T], otherwise: _T) -> _T:
        """Do it with the file, and if that fails, in memory."""
        if self.directory is not None and not self._in_file and abs(self._clock() - self._tried) >= _TRY_AGAIN:
            self._chest.close()
            self._chest = self._opened()
        for _ in range(2):
            try:
                return work(self._chest)
            except (sqlite3.Error, OSError) as error:
                self._failed(error)
            except (ValueError, OverflowError) as error:  # a text or a number that SQLite does not take
                self.failures += 1
                self._say(error, "a row is left out")
                break
        return otherwise

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        self._say(error)
        self._chest.close()
        damaged = self._in_file and _is_damage(error)
        self._in_file = False
        self._chest = self._opened() if damaged and self._moved_aside() else self._memory()

    def _opened(self) -> Chest:
        """The file, or memory if that cannot be used."""
        assert self.directory is not None
        self._tried = self._clock()
        chest = None
        for _ in range(2):
            try:
                chest = Chest(open_file(self.directory, self._bounds[0]), *self._bounds, self._random, self.directory)
                self._in_file = True
                self._take_over(chest)
                return chest
            except (sqlite3.Error, OSError, Newer, ValueError) as error:
                self._in_file = False
                self.failures += 1
                self._say(error)
                if chest is not None:
                    chest.close()
                if not _is_damage(error) or not self._moved_aside():
                    break
        return self._memory()

    def _memory(self) -> Chest:
        max_bytes, max_age = self._bounds
        bytes_here = max_bytes if self.directory is None else min(max_bytes, _MEMORY)
        chest = Chest(open_memory(), bytes_here, max_age, self._random)
        self._take_over(chest)
        return chest

    def _take_over(self, chest: Chest) -> None:
        """What this process has saved goes on in another database. The pairs do not: they are examples."""
        for name, text in self._documents.items():
            chest.save(name, text, self._clock())
        for backend, (fingerprint, number) in self._chapters.items():
            chest.keep_chapter(backend, fingerprint, number, self._clock())
        self._added = OrderedDict()

    def _moved_aside(self) -> bool:
        try:
            move_aside(self.directory or "")
        except OSError:
            return False
        return True

    def _say(self, error: Exception, then: str = "it goes on in memory") -> None:
        said = " ".join(str(error).split()) or type(error).__name__
        if said != self._said:
            self._said = said
            logger.warning("the evidence of the verdict in %s fails: %s; %s", self.directory, said, then)


def _is_damage(error: Exception) -> bool:
    said = str(error)
    return isinstance(error, sqlite3.DatabaseError) and ("malformed" in said or "not a database" in said)
