"""Brings what waits in the outbox of one B into its engine: in the order in which it came, each clone with a number.

A batch is noted before it goes out, and a clone is settled in the outbox when it is in the engine. So a kill at any
place leaves none out: the next one puts the same batch in again, with the same numbers. While the engine takes nothing,
all waits in the outbox, up to its limits.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep, time_ns

from httptee.journal import Appended
from httptee.journal.engines import Engine, Message, TooLarge
from httptee.ledger import ShadowLine, SpoolWords
from httptee.spool import DROPPED, Counts, Entry, Policy, Source, lacking_room
from httptee.spool.engine.look import Look
from httptee.spool.engine.numbers import BATCH, Numbers, Planned, found_again
from httptee.spool.engine.parcel import packed, partition_of

logger = logging.getLogger(__name__)

_MOST_BYTES = 1 << 20  # of one batch; a clone may be larger
_AT_ONCE = 4096  # clones that are dropped in one step
_REFRESH, _SAVE = 0.25, 0.25  # seconds
_FIRST_REST, _LONGEST_REST = 0.1, 2.0  # seconds until an engine that took nothing is tried again
_MAKES_ROOM = 0.1  # seconds at once
_LAST_WORDS = 1.0  # seconds to bring in what is left at the end


class Shipping:
    """`<Shipping two [12 in the batch]>`: one B, as a part of the drainer. It closes the engine at its end."""

    def __init__(
        self,
        name: str,
        directory: Path,
        source: Source,
        counts: Counts,
        settings: Policy,
        engine: Engine,
    ) -> None:
        self.directory = directory
        self.flying = 0
        self._name = name
        self._source = source
        self._counts = counts
        self._words: SpoolWords = counts.words
        self._settings = settings
        self._engine = engine
        self._look = Look(engine, counts.words)
        self._numbers: Numbers | None = None
        self._batch: list[Entry] = []
        self._messages: list[Message] = []
        self._planned: dict[tuple[str, int], Planned] = {}  # of the batch before the start, and not settled yet
        self._refresh_at = self._save_at = self._try_at = 0.0
        self._rest = _FIRST_REST
        self._said = ""

    def __repr__(self) -> str:
        return f"<Shipping {self._name} [{len(self._messages)} in the batch]>"

    @property
    def done(self) -> bool:
        """Whether nothing is left to be put into the engine."""
        empty = self._words.put.tobytes() == self._words.left.tobytes()
        return self._refresh_at > 0 and empty and not self._messages

    def begin(self, wake: Callable[[], object]) -> None:
        """Finish what the last one was about to do, and prepare its last batch again. Raises OSError, ValueError."""
        self._source.recover()
        numbers = self._numbers = Numbers(self.directory, self._engine.label, self._engine.partitions)
        found = found_again(self.directory, numbers.plan)
        self._planned = {(each.stream, each.sequence): each for each, _ in found}
        self._messages = [self._message(each.partition, each.number, entry) for each, entry in found if entry.clone]

    def step(self) -> bool:
        """Bring in what waits. Raises OSError."""
        now = monotonic()
        if now >= self._refresh_at:
            self._refresh_at = now + _REFRESH
            self._source.refresh()
            self._words.publish(bytes=self._source.size, orphans=self._source.orphans)
            self._make_room()
        if not self._messages:
            self._gather()
        shipped = bool(self._messages) and now >= self._try_at and self._ship(now)
        if now >= self._save_at:
            self._save_at = now + _SAVE
            self._source.save()
        self._look.look()
        if self._messages:
            self._words.remote = max(1, self._words.remote)  # what comes now goes behind them
        return shipped

    def gather(self, seconds: float) -> bool:
        """There are no answers to come."""
        return False

    def close(self) -> None:
        """Close the engine. May be called twice."""
        self._engine.close()
        if self._numbers is not None:
            self._numbers.close()

    def end(self) -> None:
        """Bring in what is left, within a moment, and save the place."""
        deadline = monotonic() + _LAST_WORDS
        with contextlib.suppress(OSError):
            while not self.done and not self._said and monotonic() < deadline:
                if not self.step():
                    sleep(0.01)
        self._source.close()
        self.close()

    def _gather(self) -> None:
        """Take the next batch, and note it. Raises OSError."""
        numbers, batch, size, dropped = self._numbers, self._batch, 0, 0
        if numbers is None:
            return
        while len(batch) < BATCH and size < _MOST_BYTES and dropped < _AT_ONCE:
            entry = self._source.peek()
            if entry is None:
                break
            entry.stream.take()
            if self._settled(entry):
                dropped += 1
            else:
                batch.append(entry)
                size += entry.size
        if not batch:
            return
        numbers.begin(batch[0].stamp)
        partitions = [partition_of(entry.clone.lane, self._engine.partitions) for entry in batch if entry.clone]
        given = zip(batch, partitions, numbers.next(partitions), strict=True)
        plan = tuple(Planned(entry.stream.label, entry.sequence, at, number) for entry, at, number in given)
        # If it cannot be saved, the batch is kept, and this is done again.
        numbers.save((*list(self._planned.values())[-BATCH:], *plan))
        self._messages = [
            self._message(each.partition, each.number, entry) for each, entry in zip(plan, batch, strict=True)
        ]

    def _settled(self, entry: Entry) -> bool:
        """Settle a clone that was in the last batch of an earlier process, or that does not go into the engine."""
        if self._planned.pop((entry.stream.label, entry.sequence), None) is not None:
            self._counts.settle(entry, ShadowLine.HANDED_OVER)
            return True
        age = self._settings.max_age
        if entry.clone is None:
            self._lose(entry, "spool_corrupt")
        elif age and entry.stamp < time_ns() - int(age * 1e9):
            self._lose(entry, "spool_expired")
        else:
            return False
        return True

    def _ship(self, now: float) -> bool:
        """Put the batch into the engine; whether it is there."""
        if self._put() is not Appended.COMMITTED:
            self._failed(self._engine.error or "it took not all of them", now)
            return False
        self._failed("", now)
        self._hand_over()
        self._messages = []
        return True

    def _hand_over(self) -> int:
        """Count the batch as handed over. The bytes that it takes in the outbox."""
        # First: whatever leaves the outbox is seen to be in the engine by all that comes.
        self._words.remote = max(1, self._words.remote)
        for entry in self._batch:
            self._counts.settle(entry, ShadowLine.HANDED_OVER)
        size, self._batch = sum(entry.size for entry in self._batch), []
        return size

    def _put(self) -> Appended:
        """Put the messages into the engine. One that it does not take for its size goes without its content: whoever
        takes it out counts it as lost."""
        with contextlib.suppress(TooLarge):
            return self._engine.append(self._messages)
        for place, message in enumerate(self._messages):
            try:
                outcome = self._engine.append([message])
            except TooLarge as error:
                logger.warning("B %s: a clone is lost: %s", self._name, error)
                self._messages[place] = replace(message, payload=b"")
                outcome = self._engine.append([self._messages[place]])
            if outcome is not Appended.COMMITTED:
                return outcome
        return Appended.COMMITTED

    def _failed(self, error: str, now: float) -> None:
        if error:
            self._try_at = now + self._rest
            self._rest = min(_LONGEST_REST, 2 * self._rest)
        else:
            self._rest = _FIRST_REST
        if bool(error) != bool(self._said):
            if error:
                logger.warning(
                    "B %s: its engine takes no clones: %s; they wait in %s", self._name, error, self.directory
                )
            else:
                logger.info("B %s: its engine takes clones again", self._name)
        self._said = error

    def _make_room(self) -> None:
        """With `spool.full=oldest`, the clones that came first make room for new ones. Raises OSError.

        Those of a batch may be in the engine already, so they are not dropped: they stay in memory alone. If they do
        not get into the engine, its readers miss their numbers.
        """
        deadline = monotonic() + _MAKES_ROOM
        while monotonic() < deadline and (size := lacking_room(self._settings, self.directory, self._source.size)):
            size -= self._hand_over()
            while size > 0 and (entry := self._source.peek()) is not None:
                entry.stream.take()
                size -= max(1, entry.size)
                if not self._settled(entry):
                    self._lose(entry, "spool_full")
            if size > 0:
                break
            self._source.refresh()

    def _lose(self, entry: Entry, reason: str) -> None:
        slot = self._counts.slot_of(entry.stream.name)
        self._words.lose(reason, slot if reason != "spool_full" else 0, entry.stamp, entry.stamp)
        self._counts.settle(entry, DROPPED[reason])

    def _message(self, partition: int, number: int, entry: Entry) -> Message:
        assert self._numbers is not None
        assert entry.clone is not None
        data = packed(entry.spool_id, entry.clone)
        return Message(partition, self._numbers.writer, number, entry.stamp, data)
