"""Takes clones out of an engine: of the partitions that this tee owns, for the `Catchup` of one B.

The place in each partition is stored many times a second, together with what was counted there. A tee that owns a
partition no more counts nothing for it, and the next owner goes on at the place that was stored.
"""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic

from httptee.journal.engines import Engine, Member, Message, Missing, Unavailable
from httptee.journal.engines import Entry as Taken
from httptee.ledger import TAKEN, SpoolWords
from httptee.spool import Entry, MalformedClone, StoredClone
from httptee.spool.engine.look import GROUP
from httptee.spool.engine.origin import Origin, Parcel, origin_of
from httptee.spool.engine.parcel import unpacked
from httptee.spool.engine.place import LOST, Gap, Place
from httptee.spool.engine.tally import Tally

logger = logging.getLogger(__name__)

SURE = 1.5
"""Seconds without an answer of the engine, after which nothing is sent: another tee may own the partitions by then."""

_READ, _KEEP = 0.02, 0.4  # seconds from one read to the next: while there is room, and in any case
_MOST = 512  # messages in one read
_SAVE, _PART = 0.1, 4.0  # seconds from one save to the next, at the least; and times what a save takes


class Taking:
    """`<Taking [4 partitions, 12 read]>`: the source of one B's `Catchup`."""

    orphans = 0

    def __init__(self, name: str, engine: Engine, run: str, words: SpoolWords, tally: Tally) -> None:
        self._name = name
        self._engine = engine
        self._run = run
        self._words = words
        self._tally = tally
        self._member: Member | None = None
        self._ahead: deque[Entry] = deque()
        self._places: dict[int, Place] = {}
        self._unsure: set[int] = set(range(engine.partitions))  # whose count by this run is to be read
        self._answered = self._read_at = self._save_at = self._try_at = 0.0
        self._losses = 0
        self._reports: list[Missing] = []
        self._said = ""

    def __repr__(self) -> str:
        return f"<Taking [{len(self._places)} partitions, {len(self._ahead)} read]>"

    @property
    def size(self) -> int:
        """Bytes of the outbox, as it was published."""
        return self._words.gauges()["bytes"]

    @property
    def sure(self) -> bool:
        """Whether what was read still belongs to this tee."""
        return monotonic() - self._answered < SURE

    def recover(self) -> None:
        """Nothing is to be finished: what is not stored was not counted."""

    def peek(self) -> Entry | None:
        """The next entry of all that were read, or None."""
        return self._ahead[0] if self._ahead else None

    def refresh(self) -> None:
        """`keep` does it."""

    def keep(self, *, idle: bool) -> bool:
        """Keep what is owned, and store what is due: also at once, if it is `idle`. Whether other tees send now what
        this one has read. Raises ValueError if a state cannot be read."""
        losses = self._losses
        if monotonic() < self._try_at:
            return False
        try:
            self._know()
            self._read()
            self._save(idle)
        except Unavailable as error:
            if not self._said:
                logger.warning("B %s: its engine cannot be read: %s", self._name, error)
            self._said = str(error)
            self._try_at = monotonic() + _KEEP  # and then it reads first: that may be what the engine waits for
        else:
            if self._said:
                logger.info("B %s: its engine can be read again", self._name)
            self._said = ""
        self._words.publish(owned=len(self._places))
        return self._losses > losses

    def save(self) -> None:
        """`keep` does it."""

    def close(self) -> None:
        """Store all places, and give back what is owned."""
        member, self._member = self._member, None
        if member is None:
            return
        try:
            for place in list(self._places.values()):
                if place.dirty:
                    self._store(member, place)
            for place in list(self._places.values()):
                self._set_aside(member, place)
                if place.dirty:
                    self._store(member, place)
        except Unavailable:
            pass  # the next owner sends again what could not be stored
        member.close()

    def _know(self) -> None:
        """Read what this run has counted in partitions of which that is not known."""
        member = self._member = self._member or self._engine.join(GROUP)
        for partition in sorted(self._unsure - self._places.keys()):
            self._tally.know(partition, member.load(partition))
        self._unsure.clear()

    def _read(self) -> None:
        member, now = self._member, monotonic()
        if member is None or now < self._read_at:
            return
        room = not self._ahead and not any(place.full for place in self._places.values())
        if not room and now - self._answered < _KEEP:
            return
        found = member.read(_MOST if room else 0)
        self._answered = monotonic()
        self._read_at = self._answered + (0.0 if len(found) == _MOST else _READ)
        self._own(member)
        for entry in found:
            place = self._places.get(entry.message.partition)
            if place is not None:
                self._take(place, entry)
        self._reports = [each for each in (*self._reports, *member.missing()) if not self._told(each)]

    def _own(self, member: Member) -> None:
        owned = member.owned
        for partition in self._places.keys() - owned:
            self._lose(partition)
        for partition in owned - self._places.keys():
            state = member.load(partition)
            self._places[partition] = Place(partition, self._run, state)
            self._tally.know(partition, state)

    def _lose(self, partition: int) -> None:
        place = self._places.pop(partition)
        place.gone = True
        self._losses += 1
        self._unsure.add(partition)
        self._ahead = deque(entry for entry in self._ahead if not origin_of(entry).place.gone)

    def _told(self, missing: Missing) -> bool:
        """Count what the engine misses, once all before it was taken; whether that is done."""
        place = self._places.get(missing.partition)
        if place is None:
            return True  # its next owner learns of it
        if not place.reaches(missing.writer, missing.first):
            return False
        gap = place.miss(missing.writer, missing.first, missing.last, missing.since, missing.until)
        if gap is not None:
            self._tell(gap)
        return True

    def _take(self, place: Place, taken: Taken) -> None:
        item, gap = place.take(taken)
        if gap is not None:
            self._tell(gap)
        if item is None:
            return
        label, clone = _opened(taken.message)
        if clone is None:
            place.settle(item, LOST)
            self._tell(Gap(1, item.stamp, item.stamp))
        else:
            origin = Origin(place, item, label, self._next)
            self._ahead.append(Parcel(origin, item.first, item.stamp, clone))

    def _next(self) -> Entry:
        return self._ahead.popleft()

    def _tell(self, gap: Gap) -> None:
        self._words.lose("spool_corrupt", TAKEN, gap.since, gap.until)
        logger.warning(
            "B %s: %d clones are missing in its engine; they came from %.3f to %.3f (seconds since the epoch)",
            self._name, gap.count, gap.since / 1e9, gap.until / 1e9,
        )  # fmt: skip

    def _save(self, idle: bool) -> None:
        member, began = self._member, monotonic()
        if member is None or (began < self._save_at and not idle):
            return
        for place in list(self._places.values()):
            if place.dirty:
                self._store(member, place)
        # After all is stored: a server that is full takes nothing, and what is stored makes room.
        for place in list(self._places.values()):
            if not place.dirty:
                self._set_aside(member, place)
        now = monotonic()
        self._save_at = now + max(_SAVE, _PART * (now - began))

    def _store(self, member: Member, place: Place) -> None:
        state = place.packed()
        if not member.save(place.partition, state, place.after):
            self._lose(place.partition)
            return
        place.dirty = False
        self._tally.count(place.partition, place.counted)

    def _set_aside(self, member: Member, place: Place) -> None:
        for item in place.poisoned():
            if item.entry is not None:
                member.set_aside(item.entry, item.poisoned)
            place.was_set_aside(item)


def _opened(message: Message) -> tuple[str, StoredClone | None]:
    try:
        return unpacked(message.payload)
    except MalformedClone:
        return "", None
