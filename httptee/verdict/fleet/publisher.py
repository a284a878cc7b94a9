"""The tee's side of a verdict that is reached elsewhere. It takes the judge's place in the judge's process: the pairs
go into an outbox on the disk and from there into the engine, and the counts into a document, about once a second.

An engine that is down, slow or full holds up two threads of this process and nothing else. What finds no room in the
outbox meanwhile is counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from httptee.journal import Appended, Record
from httptee.journal.engines import Engine, Unavailable
from httptee.journal.shipping import Shipment
from httptee.ledger import Faults, Statement
from httptee.verdict.court import RouteSums
from httptee.verdict.fleet.document import Lost, OfB, Pairs, TeeDocument, encoded
from httptee.verdict.fleet.leftovers import Leftovers
from httptee.verdict.fleet.lines import line_of
from httptee.verdict.fleet.packing import packed
from httptee.verdict.judge import Observed, Pace, Reader

logger = logging.getLogger(__name__)

SUFFIX = ".pairs"
"""Of the segments in the outbox."""

_WAIT = 0.2  # seconds for a pair
_SECOND = 1.0
_LAST_PAIRS = 0.5  # seconds at the end for the pairs that have arrived
_LAST_SHIPMENT = 2.0  # seconds at the end for what is in the outbox
_LAST_WORDS = 3.0  # seconds at the end for the last document
_PACKING = "a pair could not be published"


class OutboxWriter(Protocol):
    """Writes segments, see `journal.JournalWriter`."""

    def append(self, records: Sequence[Record]) -> Appended:
        """Append records."""

    def close(self) -> None:
        """Close the segment."""


class Ships(Protocol):
    """Puts the segments into the engine, see `journal.shipping.Shipper`."""

    shipment: Shipment

    def run(self, ending: Callable[[], bool], patience: float = 0.0) -> None:
        """Ship until `ending` is true, then what is left."""


class Counted(Observed, Protocol):
    """What the worker processes have counted."""

    def statements(self) -> Sequence[Statement]:
        """The account of each B."""


class Telling:
    """Puts this tee's document into the engine: `describe` makes it from what became of the pairs. The last one of a
    run is kept in `leftovers` if the engine is down."""

    def __init__(
        self, engine: Engine, describe: Callable[[Pairs, bool], TeeDocument], leftovers: Leftovers | None = None
    ) -> None:
        self.error = ""
        self._engine = engine
        self._describe = describe
        self._leftovers = leftovers

    def tell(self, pairs: Pairs, ended: bool = False) -> None:
        """Put the document. What fails is logged once, and tried again with the next one."""
        document = self._describe(pairs, ended)
        data = encoded(document)
        try:
            if self._leftovers is not None:
                self._leftovers.put(self._engine)
            self._engine.put(document.name, data)
        except Unavailable as error:
            if ended and self._leftovers is not None:
                self._leftovers.keep(document.run, data)
            if not self.error:
                logger.warning("what this tee has counted cannot be published: %s; it is tried again", error)
            self.error = str(error)
        else:
            self.error = ""

    def close(self) -> None:
        """Close the connection."""
        self._engine.close()


class Publisher:
    """Takes the pairs from `reader`. `failures` counts the pairs that could not be written as bytes."""

    def __init__(self, reader: Reader, outbox: OutboxWriter, shipper: Ships, telling: Telling, pace: Pace) -> None:
        self.failures = self.taken = 0
        self._lost = Lost()
        self._reader = reader
        self._outbox = outbox
        self._shipper = shipper
        self._telling = telling
        self._pace = pace
        self._faults = Faults(self._failed)
        self._ending = threading.Event()
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._ship, name="ship", daemon=True),
            threading.Thread(target=self._tell, name="tell", daemon=True),
        ]

    def run(self, wanted: Callable[[], bool] = lambda: True) -> None:
        """Publish until `wanted` returns False; then ship what is left, within a limit of time."""
        for thread in self._threads:
            thread.start()
        while wanted():
            self.turn(_WAIT)
        self.end()

    def turn(self, wait: float) -> int:
        """Put what has arrived into the outbox. How many pairs these were."""
        now = time.time_ns()
        records: list[Record] = []
        for pair in self._reader.receive(wait):
            self.taken += 1
            data = self._faults.watch(_PACKING, packed, pair)
            if data is None:
                self._lost += Lost(1, now / 1e9, now / 1e9)
            else:
                records.append((now, data))
        if records and self._faults.watch(_PACKING, self._outbox.append, records) is not Appended.COMMITTED:
            self._lost += Lost(len(records), now / 1e9, now / 1e9)
        self._pace.rest()
        return len(records)

    def end(self) -> None:
        """Take what has arrived, ship it, and say the last word of this run."""
        until = time.monotonic() + _LAST_PAIRS
        while time.monotonic() < until and self.turn(0.0):
            pass
        self._faults.watch(_PACKING, self._outbox.close)
        self._ending.set()
        self._threads[0].join(_LAST_SHIPMENT + _LAST_WORDS)
        self._ended.set()
        self._threads[1].join(_LAST_WORDS)

    def pairs(self) -> Pairs:
        """What became of the pairs so far."""
        shipment = self._shipper.shipment
        return Pairs(self.taken, shipment.shipped, self._lost, shipment.error)

    def _ship(self) -> None:
        self._shipper.run(self._ending.is_set, _LAST_SHIPMENT)

    def _tell(self) -> None:
        while not self._ended.wait(_SECOND):
            self._faults.watch(_PACKING, self._telling.tell, self.pairs())
        self._faults.watch(_PACKING, self._telling.tell, self.pairs(), ended=True)
        self._telling.close()

    def _failed(self) -> None:
        self.failures += 1


class Describer:
    """Makes the document of one run. `fingerprints` are those of the Bs, `began` is in seconds since the epoch."""

    def __init__(self, counted: Counted, instance: str, began: float, fingerprints: Mapping[str, str]) -> None:
        self._counted = counted
        self._instance = instance
        self._began = began
        self._fingerprints = fingerprints

    def __call__(self, pairs: Pairs, ended: bool = False) -> TeeDocument:
        """The document of this moment."""
        counted = self._counted
        every = counted.sums()
        return TeeDocument(
            instance=self._instance,
            run=counted.run,
            began=self._began,
            at=time.time(),
            primary=counted.primary(),
            backends={one.backend: self._of_b(one, every.get(one.backend, {})) for one in counted.statements()},
            names=counted.names(),
            share=counted.share(),
            pairs=pairs,
            ended=ended,
        )

    def _of_b(self, statement: Statement, sums: Mapping[str, RouteSums]) -> OfB:
        counts = self._counted.counts(statement.backend, sums)
        return OfB(
            statement,
            {route: line_of(one) for route, one in sums.items()},
            self._fingerprints.get(statement.backend, ""),
            counts.offered,
            counts.delivered,
            counts.writes_missed,
        )
