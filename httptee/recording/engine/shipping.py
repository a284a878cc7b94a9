"""The thread that ships a recording: from the files that are its outbox into a topic."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence

from httptee.journal import JournalWriter
from httptee.journal.shipping import Shipment, Shipper
from httptee.ledger import RecordAccount
from httptee.ledger.boards import Board, Shipped
from httptee.recording import Record, Register

OUTBOX_SUFFIX = ".out"
"""Files of a recording that wait to be shipped. Those of a directory that is a recording itself are left alone."""

_MUCH = 512 * 1024  # bytes
_MORE = 0.5  # seconds for the thread to end, behind its patience


class ShippedRegister(Register):
    """A journal that a `shipper` empties in a thread, which starts with the first record, or by `start`. What became of
    the records is on the `board`. At the end it ships for up to `patience` seconds more, and calls `end`."""

    def __init__(
        self,
        journal: JournalWriter,
        account: RecordAccount,
        to_name: Callable[[], Sequence[RecordAccount]] | None,
        shipper: Callable[[Callable[[Shipment], object]], Shipper],
        board: Board,
        patience: float,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(journal, account, to_name)
        self._shipper = shipper(self._show)
        self._board = board
        self._patience = patience
        self._close = end
        self._held = 0
        self._end = threading.Event()
        self._thread: threading.Thread | None = None

    def append(self, records: Sequence[Record]) -> None:
        """Write records, as a register does."""
        if self._thread is None:
            self.start()
        super().append(records)

    def start(self) -> None:
        """Start to ship. If the process may start no more threads, the next records try it again."""
        self._shipper.look()
        thread = threading.Thread(target=self._ship, name="shipping", daemon=True)
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())  # signals are for the main thread
        try:
            thread.start()
            self._thread = thread
        except (RuntimeError, MemoryError):
            pass
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def publish(self, held: int = 0) -> None:
        """The same as a register's. While others hold much that is not written, it is written first: both would wait
        for the GIL, and what is in memory cannot wait as long as what is in a file."""
        self._held = held
        super().publish(held)

    def close(self) -> None:
        """Close the file, and ship what is left within the patience. What still waits then stays in the directory."""
        super().close()
        self._end.set()
        if self._thread is not None:
            self._thread.join(self._patience + _MORE)

    def _ship(self) -> None:
        self._shipper.run(self._end.is_set, self._patience, lambda: self._held > _MUCH)
        self._close()

    def _show(self, shipment: Shipment) -> None:
        """Publish the counts of this run of the tee. A process that was replaced has published how it began."""
        before = self._board.read()
        if not self._board.written:
            left = shipment.waiting
            began = shipment.shipped, shipment.lost
        else:
            left, began = before.left, before.began
        self._board.publish(
            Shipped(
                left,
                shipment.shipped - began[0],
                shipment.waiting,
                shipment.lost - began[1],
                shipment.size,
                tuple((gap.count, gap.first, gap.last, gap.reason) for gap in shipment.gaps),
                shipment.error,
                began,
            )
        )
