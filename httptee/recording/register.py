"""Writes records, and keeps account of them: how many are stored, and what was lost, which the recording itself names.

What cannot be written is counted, and named in the recording as soon as something can be written again.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from operator import itemgetter
from time import monotonic, time_ns

from httptee.journal import Appended, JournalWriter
from httptee.ledger import RecordAccount
from httptee.recording.files import Loss

logger = logging.getLogger(__name__)

_TELL = 1.0  # seconds between two notes
_arrival = itemgetter(0)
_REASONS = {Appended.FULL: "disk_full", Appended.UNAVAILABLE: "disk_failed"}

Record = tuple[int, bytes]
"""When the request arrived, in nanoseconds since the epoch, and the bytes of the exchange."""


class Register:
    """One journal with its `account`. `to_name` gives the accounts whose losses are named in it, where these are more
    than its own. For one thread."""

    def __init__(
        self,
        journal: JournalWriter,
        account: RecordAccount,
        to_name: Callable[[], Sequence[RecordAccount]] | None = None,
    ) -> None:
        self._journal = journal
        self._account = account
        self._to_name = to_name or (lambda: (account,))
        self._since = account.last or time_ns()  # when everything was told
        self._tell_at = 0.0
        self._removed = 0
        self._failing = ""

    def append(self, records: Sequence[Record]) -> None:
        """Write records, all or none, and count them. Raises ValueError if one is too long: all of them are lost."""
        try:
            outcome = self._journal.append(records)
        except Exception:
            self._account.lost("unreadable", len(records))
            raise
        if outcome is Appended.COMMITTED:
            self._account.recorded(self._journal.sequence, max(map(_arrival, records)))
        else:
            self._account.lost(_REASONS[outcome], len(records))
        self._say(outcome)

    def publish(self, held: int = 0) -> None:
        """Name what was lost, at most once a second. Publish the counts, with `held` bytes that others hold."""
        self._tell()
        removed, self._removed = self._journal.removed - self._removed, self._journal.removed
        self._account.publish(removed, held)

    def close(self) -> None:
        """Name what was lost, and close the file."""
        with contextlib.suppress(Exception):
            self._tell(now=True)
        self._journal.close()

    def _say(self, outcome: Appended) -> None:
        """Log when the recording stops and when it goes on."""
        failing = "" if outcome is Appended.COMMITTED else self._journal.error
        if failing and not self._failing:
            logger.warning("requests are not recorded: %s; they are counted, and it is tried again", failing)
        elif self._failing and not failing:
            logger.info("requests are recorded again")
        self._failing = failing

    def _tell(self, now: bool = False) -> None:
        """Name in the recording what was lost since the last time."""
        if not now and monotonic() < self._tell_at:
            return
        self._tell_at = monotonic() + _TELL
        until = time_ns()
        for account in self._to_name():
            since = min(self._since, account.last or self._since)  # what an earlier process has lost was before
            for reason, count in account.untold().items():
                note = Loss(reason, count, since, until)
                if self._journal.note(until, note.packed()) is not Appended.COMMITTED:
                    return
                account.told(reason, count)
        self._since = until
