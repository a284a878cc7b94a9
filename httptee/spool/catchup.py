"""Sends what was spooled for one B, each lane in its order, as fast as B takes it, until nothing is left.

A clone that B cannot take is tried again. If it fails five times and more, and B answers others or its check before and
after its last attempt, it is poison: it is set aside, and its lane goes on. If B answers nothing else either, B is
down, and nothing is set aside. An answer before the last attempt is not enough: B may have come up only then.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic, time_ns

from httptee.http import Exchange, Request
from httptee.ledger import SpoolWords
from httptee.spool.counts import DROPPED, FAILED, delivered
from httptee.spool.entry import Counting, Entry, Incoming, Keeping
from httptee.spool.lanes import SUSPECT, Flight, Lane, Lanes, Suspects, Told
from httptee.spool.outcome import Result, result_of
from httptee.spool.pace import Pace
from httptee.spool.sheet import Policy
from httptee.transport import Answer

logger = logging.getLogger(__name__)

MOST_SENT = 64
"""Clones that are in flight at once."""
_MOST_READ, _MOST_BYTES = 2048, 16 * 1024 * 1024  # clones in memory, and their bytes
_AT_ONCE = 4096  # clones that are read in one step, also if they are lost and take no memory
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds until the next attempt
_NOT_ITS_FAULT = frozenset({"connect", "tls", "429"})  # these say nothing about a single request


class Catchup:
    """One B. `send` sends an exchange without waiting; `settled` and `dropped` are to be called when it has ended."""

    def __init__(
        self,
        name: str,
        source: Incoming,
        counts: Counting,
        aside: Keeping,
        settings: Policy,
        pace: Pace,
        send: Callable[[Exchange], object],
        breaker: Told | None = None,
        host: str = "",
    ) -> None:
        self.name = name
        self.source, self.pace, self._host = source, pace, host or name
        self.lanes = Lanes()
        self.aside = aside
        self.last_success = 0.0
        self.failure = ""
        """Why the last attempt failed, in a word; empty after a success."""
        self.words: SpoolWords = counts.words
        self._counts, self._settings = counts, settings
        self._send = send
        self._breaker = breaker
        self.flights: dict[int, Flight] = {}
        """The exchanges that have not ended."""
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._suspects = Suspects()
        self._not_before = self._check_at = 0.0
        self.ended: Callable[[], object] = lambda: None  # called by any thread when an exchange has ended

    @property
    def refused(self) -> bool:
        """Whether the circuit of B is open."""
        return self._breaker is not None and self._breaker.open

    @property
    def oldest(self) -> int:
        """The stamp of the oldest clone that was read."""
        return min((lane.head.stamp for lane in self.lanes if lane.entries), default=0)

    def settled(self, exchange: Exchange, seconds: float, error: Exception | None, answer: Answer | None) -> None:
        """An exchange has ended. Called by any thread."""
        self._results.put(result_of(exchange, seconds, error, answer))
        self.ended()

    def dropped(self, exchange: Exchange, reason: str) -> None:
        """An exchange was not sent. Called by any thread."""
        self._results.put(Result(exchange, 0.0, reason, 0, unsent=True))
        self.ended()

    def step(self, *, held: bool = False) -> bool:
        """Do what can be done now; whether there was anything. `held`: send nothing. Raises OSError."""
        busy = self._take_results()
        return busy | self._read() | (not held and self._dispatch())

    def _read(self) -> bool:
        """Read what fits into memory."""
        read, oldest = False, self._oldest_kept
        for _ in range(_AT_ONCE):
            full = len(self.lanes) >= _MOST_READ or self.lanes.size >= _MOST_BYTES
            if full or (entry := self.source.peek()) is None:
                break
            entry.stream.take()
            read = True
            if entry.clone is None:
                self._lose(entry, "spool_corrupt")
            elif entry.stamp < oldest:
                self._lose(entry, "spool_expired")
            else:
                self.lanes.add(entry.clone.lane, entry)
        return read

    def _dispatch(self) -> bool:
        """Send what is due."""
        now, sent = monotonic(), False
        if now < self._not_before:
            return False
        if self._settings.check and now >= self._check_at and self._suspects.waiting:
            self._check_at = inf  # until this one has ended
            self._fly(Request("GET", self._settings.check, [("Host", self._host)], b"", "", "http"), None)
        tokens = self.pace.tokens()
        while tokens > 0 and len(self.flights) < MOST_SENT and (lane := self.lanes.next(now)) is not None:
            entry = lane.head
            if (wait := entry.wait) > 0:
                self.lanes.again(lane, now + wait)
                continue
            tokens -= 1
            lane.attempts += 1
            if entry.clone is not None:
                self._fly(entry.clone.request(entry.spool_id), lane)
            self.pace.sent()
            sent = True
        return sent

    def _fly(self, request: Request, lane: Lane | None) -> None:
        exchange = Exchange(request, 0, 0.0, None, False)
        self.flights[id(exchange)] = Flight(exchange, lane)
        self._send(exchange)

    def _take_results(self) -> bool:
        busy = False
        while True:
            try:
                result = self._results.get_nowait()
            except Empty:
                return busy
            busy = True
            flight = self.flights.pop(id(result.exchange), None)
            if flight is None:
                continue
            if flight.lane is None:
                self._checked(flight, result)
            elif result.unsent:
                self.lanes.again(flight.lane, monotonic() + _FIRST_WAIT)
            elif result.sent_again(self._settings.ambiguous):
                self._failed(flight.lane, result)
            elif result.reason:
                self.pace.failed()
                self._settle(flight.lane, FAILED[self._note_failure(result)])
            else:
                self.pace.succeeded(result.seconds)
                self._settle(flight.lane, delivered(result.status), result.seconds)
                self._answered(flight)

    def _checked(self, flight: Flight, result: Result) -> None:
        """The check of B has ended."""
        well = not result.reason and result.status < 500
        self._check_at = monotonic() + (_FIRST_WAIT if well else _LONGEST_WAIT)
        if well:
            self._answered(flight)
        elif not result.unsent:
            self._note_failure(result)

    def _answered(self, flight: Flight) -> None:
        """B is well, which is a witness against the clones that fail."""
        self.last_success, self.failure = monotonic(), ""
        if self._breaker is not None:
            self._breaker.succeeded()
        for poisoned in self._suspects.answered(flight.began, check=flight.lane is None):
            self._set_aside(poisoned)

    def _note_failure(self, result: Result) -> str:
        self.failure = result.reason or str(result.status)
        if self._breaker is not None and result.reason:
            self._breaker.failed(result.reason)
        return self.failure

    def _failed(self, lane: Lane, result: Result) -> None:
        now, said, after = monotonic(), self._note_failure(result), result.retry_after
        if lane.failures < SUSPECT:  # a single request that fails again and again says nothing about B
            if said != "429" or lane.attempts == 1:  # nor does a client that B lets wait
                self.pace.failed()
            if result.status == 503:
                self._not_before = max(self._not_before, now + after)
        if said not in _NOT_ITS_FAULT:
            self._suspects.failed(lane, now)
            lane.head.said = said
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(lane.attempts - 1, 10))
        self.lanes.again(lane, now + max(wait * random.uniform(0.8, 1.2), after))

    def _set_aside(self, lane: Lane) -> None:
        entry = lane.head
        kept = entry.clone is not None and self.aside.add(entry.spool_id, entry.said, entry.stamp / 1e9, entry.clone)
        logger.warning(
            "B %s: the request %s was set aside: it failed %d times (%s) while B answered others%s",
            self.name, entry.spool_id, lane.failures, entry.said, "" if kept else "; the disk did not take it",
        )  # fmt: skip
        self._counts.settle(entry, FAILED["poison"])
        self._suspects.forget(lane)
        self.lanes.withdraw(lane)

    def _settle(self, lane: Lane, column: int, seconds: float | None = None) -> None:
        self._counts.settle(lane.head, column, seconds)
        self._suspects.forget(lane)
        self.lanes.done(lane)

    @property
    def _oldest_kept(self) -> int:
        """The stamp before which clones are too old."""
        return time_ns() - int(self._settings.max_age * 1e9) if self._settings.max_age else 0

    def expire(self) -> None:
        """Drop what has become too old while it waited in memory."""
        self._cut(self.lanes.older_than(self._oldest_kept), "spool_expired")

    def drop_oldest(self, size: int) -> None:
        """Drop the clones that came first, of so many bytes together, as `spool_full`: the spool is at its limit."""
        self._cut(self.lanes.oldest(size), "spool_full")

    def release(self, theirs: Callable[[Entry], bool]) -> None:
        """Forget the clones that another tee sends now, but for those in flight."""
        self._cut(self.lanes.those(theirs), "")

    def _cut(self, these: list[tuple[Lane, int]], reason: str) -> None:
        for lane, count in these:
            if not lane.sent:
                self._suspects.forget(lane)
            for entry in self.lanes.cut(lane, count):
                if reason:
                    self._lose(entry, reason)

    def _lose(self, entry: Entry, reason: str) -> None:
        slot = self._counts.slot_of(entry.stream.name)
        self.words.lose(reason, slot if reason != "spool_full" else 0, entry.stamp, entry.stamp)
        self._counts.settle(entry, DROPPED[reason])

    def close(self) -> None:
        """Save all places, when all exchanges have ended. The next drainer sends again what may be sent again."""
        self._breaker = None  # what the end cuts off says nothing about B
        self._take_results()
        self.source.close()
