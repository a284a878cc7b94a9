"""All streams of one B: which of them are read now, in which order, and what is lost or found.

The streams of this run have slots. In a slot, the streams of its processes are read one after another: the next one
when everything of the one before is settled. What an ended process has counted and what is on no disk is then known: it
is lost. The streams of earlier runs are adopted: counted, then read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic, time, time_ns

from httptee.journal import Segment
from httptee.ledger import ADOPTED, SLOTS, SpoolWords, forget, left_behind
from httptee.spool.counts import Counts
from httptee.spool.entry import Entry
from httptee.spool.names import SUFFIX, StreamName
from httptee.spool.stream import Stream, streams_in

logger = logging.getLogger(__name__)

_SETTLED_FOR = 1.0  # seconds since the last write to a stream of another run, until it is adopted
_QUIET = 0.005  # seconds until a file in which nothing new was found is looked at again: a look is several system calls
_BEHIND = 100_000_000  # nanoseconds: what came later may not be counted yet by another process
_DECIDED = 3.0  # seconds after the start of a drainer, within which it is known what earlier runs have left
_PATIENCE = 5.0  # seconds for which others wait for a process that stores nothing of what came to it
_ANY = 1 << 63  # later than any stamp


class Source:
    """The entries of one B in the order in which they came. `directory` may be missing."""

    def __init__(self, directory: Path, run: str, counts: Counts, clock: Callable[[], float] = time) -> None:
        self._directory = directory
        self._run = run
        self._counts = counts
        self._clock = clock
        self._open: dict[StreamName, Stream] = {}
        self._alive: frozenset[StreamName] = frozenset()  # those of the streams that may be written, at the last look
        self.size = 0
        """Bytes of all segments."""
        self.orphans = 0
        """Streams that another tee may still write."""
        self._began = 0.0
        self._decided = False  # nothing of this run goes out before that: what earlier runs have left came first
        self._late = _Late(counts.words)

    def recover(self) -> None:
        """Finish what the last drainer was about to do. Raises OSError."""
        self._mark(self._counts.unfinished())
        self._counts.finish()

    def _mark(self, unfinished: tuple[StreamName | None, int] | None) -> None:
        name, sequence = unfinished or (None, 0)
        if name is not None and name in streams_in(self._directory):
            stream = Stream(self._directory, name)
            stream.settle(sequence)
            stream.close()

    def refresh(self) -> None:
        """Look for new streams, remove those that are settled, and count what is lost. Raises OSError."""
        self._began = self._began or monotonic()
        deaths = [self._counts.words.dead(slot)[0] for slot in range(SLOTS)]
        names = streams_in(self._directory)
        self._adopt([name for name in names if name.run != self._run and name not in self._counts.adopted])
        self._decided = self._decided or not self.orphans or monotonic() - self._began > _DECIDED
        for name in [name for name, stream in self._open.items() if stream.settled]:
            self._open.pop(name).remove()
            names.discard(name)
        for stream in self._open.values():
            stream.tidy()
        adopted = names & set(self._counts.adopted)
        for name in sorted(adopted):
            self._begin(name)
        words = self._counts.words
        if self._counts.recovered and not adopted and words.put[ADOPTED] > words.left[ADOPTED]:
            self._counts.lose(ADOPTED, words.put[ADOPTED] - words.left[ADOPTED])  # their files were removed
        own: dict[int, list[StreamName]] = {}
        for name in sorted(name for name in names if name.run == self._run):
            own.setdefault(name.slot, []).append(name)
        for slot in range(1, SLOTS):
            self._refresh_slot(slot, deaths[slot], own.get(slot, []))
        self._alive = frozenset(name for name in self._open if self._is_alive(name))
        self.size = sum(path.stat().st_size for path in self._directory.glob(f"*{SUFFIX}"))

    def peek(self) -> Entry | None:
        """The entry that came first of those that can be read now, or None. Raises OSError."""
        first: Entry | None = None
        now, clock = time_ns(), monotonic()
        if self._late.look(clock, self._open.values()):
            self.refresh()
        for stream in self._open.values() if self._decided else ():
            if stream.quiet_until > clock:
                continue
            entry = stream.peek(alive=stream.name in self._alive)
            if entry is None:
                stream.quiet_until = clock + _QUIET
                continue
            if not stream.cursor.has_room(entry.sequence) or entry.stamp > self._late.limit(stream.slot):
                continue
            # A stamp of the future comes from a clock that was set back since: it says nothing.
            if not now - _BEHIND < entry.stamp <= now and (first is None or entry.stamp < first.stamp):
                first = entry
        return first

    def save(self) -> None:
        """Save the place in every stream. Raises OSError."""
        for stream in self._open.values():
            stream.cursor.save()

    def close(self) -> None:
        """Save all places and close the files."""
        for stream in self._open.values():
            stream.close()
        self._open.clear()

    @property
    def empty(self) -> bool:
        """Whether no stream is open."""
        return not self._open

    def _is_alive(self, name: StreamName) -> bool:
        return name.run == self._run and name.number > self._counts.words.dead(name.slot)[0]

    def _begin(self, name: StreamName) -> None:
        if name not in self._open:
            self._open[name] = Stream(self._directory, name)
            self._open[name].slot = self._counts.slot_of(name)

    def _refresh_slot(self, slot: int, deaths: int, names: list[StreamName]) -> None:
        dead = [name for name in names if name.number <= deaths]
        if dead:
            self._begin(dead[0])
            return
        words = self._counts.words
        again, put = words.dead(slot)
        if again != deaths:
            return  # one more has ended since the directory was read
        if put > words.left[slot]:
            count = put - words.left[slot]
            self._counts.lose(slot, count)
            logger.warning("%s: %d clones are lost: a process ended before they were written", self._directory, count)
        if names:
            self._begin(names[0])

    def _adopt(self, names: list[StreamName]) -> None:
        """Count the streams of earlier runs that nobody writes."""
        words = self._counts.words
        left = [(SpoolWords(left=one.words), one.path) for one in left_behind(SpoolWords.COUNT, str(self._directory))]
        for ended, _ in left:
            self._mark(Counts(ended, "").unfinished())
        found, self.orphans = [], 0
        for name in sorted(names):
            if self._is_written(name):
                self.orphans += 1
            else:
                found.append((name, _remaining(self._directory, name)))
        if found and not self._counts.adopt(found):
            self.orphans += len(found)
        if left and not self.orphans:
            self._miss([ended for ended, _ in left])
            for _, path in left:
                forget(path)
        if not self.orphans and not self._counts.recovered:
            words.put[ADOPTED] = words.left[ADOPTED]  # nothing is left of earlier runs
        total = sum(count for _, count in found)
        if total:
            logger.info("%s: %d clones of an earlier run are found", self._directory, total)

    def _miss(self, ended: list[SpoolWords]) -> None:
        """Count the clones that killed runs had in memory only: what they have counted, and what is not on the disk."""
        counts, spans = self._counts, [words.not_stored for words in ended]
        missed = sum(words.held for words in ended) - counts.recovered
        if missed <= 0 or not counts.adopt([], missed):
            return
        counts.lose(ADOPTED, missed)
        first, last = min(filter(None, (first for first, _ in spans)), default=0), max(last for _, last in spans)
        counts.words.lose("lost", ADOPTED, first, last)
        logger.warning(
            "%s: %d clones are lost: the tee was killed before they were written; they came from %.3f to %.3f (seconds "
            "since the epoch)", self._directory, missed, first / 1e9, last / 1e9,
        )  # fmt: skip

    def _is_written(self, name: StreamName) -> bool:
        for path in self._directory.glob(f"{name}.*{SUFFIX}"):
            segment = Segment(path)
            try:
                if segment.being_written() or abs(self._clock() - path.stat().st_mtime) < _SETTLED_FOR:
                    return True
            finally:
                segment.close()
        return False


class _Late:
    """Up to which time all processes have stored what came to them. What came later to one waits for the others, since
    these may have clones of the same lane that came before it: a disk may stall, and so may a process."""

    def __init__(self, words: SpoolWords) -> None:
        self._words = words
        self._next = 0.0
        self._looked_for: dict[int, float] = {}  # by slot: until when its first file is not looked for again
        self._waited: dict[int, tuple[int, float]] = {}  # by slot: what it has stored last, and since when
        self._slot, self._first, self._second = 0, _ANY, _ANY

    def look(self, clock: float, streams: Collection[Stream]) -> bool:
        """Look, if it is time, by the monotonic clock. Whether a process has stored clones and no stream of its slot is
        among `streams`, those that are read: its first file is younger than the last look at the directory."""
        if clock < self._next:
            return False
        self._next = clock + _QUIET
        words, before, unread = self._words, self._waited, set()
        slots = {stream.slot for stream in streams}
        self._waited = {}
        for slot, (came, stored) in enumerate(zip(words.came.tolist(), words.stored.tolist(), strict=True)):
            if came == stored:
                if came and slot not in slots and words.put[slot] > words.left[slot]:
                    unread.add(slot)
            elif words.put[slot] not in (words.left[slot], words.put_by_dead[slot]):
                known = before.get(slot)
                self._waited[slot] = known if known is not None and known[0] == stored else (stored, clock)
        found = [(stored, slot) for slot, (stored, since) in self._waited.items() if clock - since < _PATIENCE]
        (self._first, self._slot), (self._second, _) = [*sorted(found)[:2], (_ANY, 0), (_ANY, 0)][:2]
        new = {slot for slot in unread if clock >= self._looked_for.get(slot, 0.0)}
        self._looked_for |= dict.fromkeys(new, clock + _SETTLED_FOR)  # if there is no file, somebody has removed it
        return bool(new)

    def limit(self, slot: int) -> int:
        """The stamp up to which the clones of a slot may go out."""
        return self._second if slot == self._slot else self._first


def _remaining(directory: Path, name: StreamName) -> int:
    """The clones of a stream that are not settled, those that are damaged or missing included."""
    stream = Stream(directory, name)
    count = 0
    try:
        while stream.peek(alive=False) is not None:
            stream.take()
            count += 1
    finally:
        stream.close()
    return count
