"""The shipper: puts what is in the segments of a directory into a topic, batch by batch, and removes what is shipped.

One process at a time ships a directory; another one waits for its turn. An engine that is down or full costs nothing
but the room in the directory: what the limits remove there is counted, and told to the readers of the topic.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from zlib import crc32

from httptee.journal import Appended
from httptee.journal.engines import Message, TooLarge
from httptee.journal.shipping import parcel
from httptee.journal.shipping.batch import Batch
from httptee.journal.shipping.outbox import Outbox
from httptee.journal.shipping.parcel import Missing
from httptee.journal.shipping.shipment import Shipment, Topic
from httptee.journal.shipping.state import State

logger = logging.getLogger(__name__)

_IDLE = 0.1  # seconds between two looks while nothing waits
_LOOK = 1.0  # seconds between two looks at everything that waits
_BACK_OFF = (0.1, 5.0)  # seconds until it is tried again, first and at most
_BUSY = 1.0  # seconds between two batches while the process has more important work
_SLICE = 0.1  # seconds between two looks whether it is to end


class Shipper:
    """`<Shipper redis://host/traffic [12 waiting]>`: ships the segments with a `suffix` in `directory`. For one thread;
    `shipment` may be read by others.

    `writer` begins the name under which the messages are numbered. `partition_of` says to which partition a record
    belongs, from 0. `own` is the stream that this process writes, if it does. The sequences of a stream never go back.
    `on_look` gets the `shipment` about once a second, and at the end.
    """

    def __init__(
        self,
        engine: Topic,
        directory: Path,
        suffix: str,
        writer: str,
        partition_of: Callable[[bytes], int],
        *,
        own: str = "",
        on_look: Callable[[Shipment], object] = lambda shipment: None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.shipment = Shipment()
        """What became of the records, by the last look."""
        self._engine = engine
        self._directory = directory
        self._suffix = suffix
        self._writer = writer
        self._partition_of = partition_of
        self._own = own
        self._on_look = on_look
        self._clock = clock
        self._outbox: Outbox | None = None
        self._batch: Batch | None = None  # which the engine has not taken
        self._begun = False
        self._messages: list[Message] = []
        self._pause = 0.0
        self._look_at = 0.0
        self._error = ""

    def __repr__(self) -> str:
        return f"<Shipper {self._engine.label} [{self.shipment.waiting} waiting]>"

    def run(self, ending: Callable[[], bool], patience: float = 0.0, busy: Callable[[], bool] = lambda: False) -> None:
        """Ship until `ending` is true; then what is left, for up to `patience` seconds and while the engine takes it.
        While the process is `busy` with something else, it ships a batch a second. Does not raise."""
        while not ending():
            rest = self.turn()
            if busy():
                rest = max(rest, _BUSY)
            while rest > 0 and not ending():
                sleep(min(rest, _SLICE))
                rest -= _SLICE
        deadline = self._clock() + patience
        while self._clock() < deadline and self.turn() == 0:
            pass
        self.close()

    def look(self) -> None:
        """Look at what waits now, without the engine. Before the first `turn`, so that it is told apart from what comes
        later. Does not raise."""
        with suppress(Exception):
            self._opened()
        self._look()

    def turn(self) -> float:
        """Ship one batch. The seconds until the next turn: 0.0 if more may wait. Does not raise."""
        try:
            shipped = self._turn()
        except BlockingIOError:
            return _IDLE  # another process ships
        except Exception as error:
            self._failed(getattr(error, "strerror", None) or str(error) or repr(error))
            shipped = None
        if self._clock() >= self._look_at:
            self._look()
        if shipped is None:
            return self._pause
        return 0.0 if shipped else _IDLE

    def close(self) -> None:
        """Let another process ship. May be called twice. Does not raise."""
        outbox, self._outbox, self._batch = self._outbox, None, None
        if outbox is not None:
            with suppress(Exception):
                outbox.look()
                self._publish(outbox)
                outbox.close()

    def _turn(self) -> bool | None:
        """Whether anything was shipped; None if the engine took nothing. Raises OSError."""
        outbox = self._opened()
        if self._batch is not None:
            return self._ship(outbox, self._batch)
        batch = None if self._begun else outbox.again()
        self._begun = True
        batch = batch or outbox.next()
        if batch is None:
            self._goes_on()
            return False
        self._messages = self._made(outbox.state, batch)
        outbox.plan(batch, _counted(self._messages))
        self._batch = batch
        return self._ship(outbox, batch)

    def _opened(self) -> Outbox:
        """What waits. Raises OSError, also if another process ships."""
        if self._outbox is None:
            label = self._engine.label
            self._outbox = Outbox(self._directory, self._suffix, self._writer, label, self._own, self._clock)
            self._begun = False
        return self._outbox

    def _ship(self, outbox: Outbox, batch: Batch) -> bool | None:
        outcome = self._put(batch)
        if outcome is not Appended.COMMITTED:
            self._failed(self._engine.error or outcome.value)
            return None
        self._batch = None
        outbox.done(batch, _counted(self._messages))
        self._goes_on()
        return True

    def _put(self, batch: Batch) -> Appended:
        """Put the messages into the engine. One that it does not take for its size is replaced by a word about that."""
        try:
            return self._engine.append(self._messages) if self._messages else Appended.COMMITTED
        except TooLarge:
            pass
        for place, message in enumerate(self._messages):
            try:
                outcome = self._engine.append([message])
            except TooLarge:
                missing = Missing(1, message.stamp, message.stamp, parcel.TOO_LARGE)
                batch.missing.append(missing)
                batch.records -= 1
                content = parcel.MISSING + missing.packed()
                message = Message(message.partition, message.writer, message.number, message.stamp, content)
                self._messages[place] = message
                outcome = self._engine.append([message])
            if outcome is not Appended.COMMITTED:
                return outcome
        return Appended.COMMITTED

    def _made(self, state: State, batch: Batch) -> list[Message]:
        """The messages of a batch, with their numbers."""
        numbers, messages = dict(state.numbers), []
        count = self._engine.partitions
        home = crc32(state.writer.encode()) % count
        for stamp, kind, content in batch.pieces:
            if kind == parcel.RECORD:
                partitions: tuple[int, ...] | range = (self._partition_of(content) % count,)
            else:
                partitions = range(count) if kind == parcel.HEAD else (home,)
            for partition in partitions:
                numbers[partition] = number = numbers.get(partition, 0) + 1
                messages.append(Message(partition, state.writer, number, stamp, kind + content))
        return messages

    def _failed(self, error: str) -> None:
        self._pause = min(max(_BACK_OFF[0], 2 * self._pause), _BACK_OFF[1])
        if not self._error:
            logger.warning("%s: nothing is shipped: %s; it waits, and it is tried again", self._engine.label, error)
        self._error = error

    def _goes_on(self) -> None:
        self._pause = 0.0
        if self._error:
            logger.info("%s: it is shipped again", self._engine.label)
            self._error = ""

    def _look(self) -> None:
        """Look at what waits, and publish it."""
        self._look_at = self._clock() + _LOOK
        if self._outbox is not None:
            self._outbox.look()
            self._publish(self._outbox)
        elif self._error:
            self.shipment = Shipment(error=self._error)
            self._on_look(self.shipment)

    def _publish(self, outbox: Outbox) -> None:
        state = outbox.state
        waiting, removed = outbox.outlook()
        lost = state.lost + sum(one.count or 0 for one in removed)
        gaps = (*state.gaps, *removed)
        self.shipment = Shipment(state.shipped, waiting, lost, outbox.size, gaps, self._error or outbox.error)
        self._on_look(self.shipment)


def _counted(messages: list[Message]) -> dict[int, int]:
    return dict(Counter(message.partition for message in messages))
