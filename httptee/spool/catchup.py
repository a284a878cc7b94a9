"""Sends what was spooled for one B, each lane in its order, as fast as B takes it, until nothing is left.

A clone that B cannot take is tried again. If a clone fails five times and more, and B answers others before and after
its last attempt, it is poison: it is set aside, and its lane goes on. If B answers nothing else either, B is down, and
nothing is set aside. An answer before the last attempt is not enough: B may have come up only then.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import monotonic, sleep, time_ns

from httptee.http import Exchange, Request
from httptee.ledger import SpoolWords
from httptee.spool.aside import Aside
from httptee.spool.counts import DROPPED, FAILED, Counts, delivered
from httptee.spool.door import REPEATED
from httptee.spool.lanes import Flight, Lane, Lanes, Result, Told, result_of
from httptee.spool.pace import Pace
from httptee.spool.sheet import Policy
from httptee.spool.source import Source
from httptee.spool.stream import Entry
from httptee.transport import Answer

logger = logging.getLogger(__name__)

MOST_SENT = 64
"""Clones that are in flight at once."""
_MOST_READ, _MOST_BYTES = 2048, 16 * 1024 * 1024  # clones in memory, and their bytes
_SUSPECT = 5  # failures of the first clone of a lane, after which a witness is asked
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0  # seconds until the next attempt
_LAST_ANSWERS = 1.0  # seconds to wait for them at the end
_NOT_ITS_FAULT = frozenset({"connect", "tls", "429"})  # these say nothing about a single request


class Catchup:
    """One B. `send` sends an exchange without waiting; `settled` and `dropped` are to be called when it has ended."""

    def __init__(
        self,
        name: str,
        source: Source,
        counts: Counts,
        aside: Aside,
        settings: Policy,
        pace: Pace,
        send: Callable[[Exchange], object],
        breaker: Told | None = None,
        host: str = "",
    ) -> None:
        self.name = name
        self._host = host or name
        self.source = source
        self.pace = pace
        self.lanes = Lanes()
        self.aside = aside
        self.last_success = 0.0
        self.failure = ""
        """Why the last attempt failed, in a word; empty after a success."""
        self.words: SpoolWords = counts.words
        self._counts = counts
        self._settings = settings
        self._send = send
        self._breaker = breaker
        self.flights: dict[int, Flight] = {}
        """The exchanges that have not ended."""
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._suspects: set[Lane] = set()
        self._held_bytes = 0
        self._not_before = self._check_at = 0.0
        self.ended: Callable[[], object] = lambda: None  # called by any thread when an exchange has ended

    @property
    def refused(self) -> bool:
        """Whether the circuit of B is open."""
        return self._breaker is not None and self._breaker.open

    @property
    def oldest(self) -> int:
        """When the oldest clone came that was read, in nanoseconds since the epoch."""
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
        read = False
        oldest = time_ns() - int(self._settings.max_age * 1e9) if self._settings.max_age else 0
        while len(self.lanes) < _MOST_READ and self._held_bytes < _MOST_BYTES:
            entry = self.source.peek()
            if entry is None:
                break
            entry.stream.take()
            read = True
            if entry.clone is None:
                self._lose(entry, "spool_corrupt")
            elif entry.stamp < oldest:
                self._lose(entry, "spool_expired")
            else:
                self._held_bytes += entry.clone.size
                self.lanes.add(entry.clone.lane, entry)
        return read

    def _dispatch(self) -> bool:
        """Send what is due."""
        now, sent = monotonic(), False
        if now < self._not_before:
            return False
        tokens = self.pace.tokens()
        while tokens > 0 and len(self.flights) < MOST_SENT and (lane := self.lanes.next(now)) is not None:
            entry = lane.head
            due = 0 if entry.clone is None else entry.clone.due
            if due and (wait := (due - time_ns()) / 1e9) > 0:
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
            if result.unsent:
                if flight.lane is not None:
                    self.lanes.again(flight.lane, monotonic() + _FIRST_WAIT)
            elif result.reason or result.status in REPEATED:
                self._failed(flight, result)
            else:
                self._succeeded(flight, result)

    def _succeeded(self, flight: Flight, result: Result) -> None:
        self.last_success, self.failure = monotonic(), ""
        if self._breaker is not None:
            self._breaker.succeeded()
        lane = flight.lane
        if lane is not None:
            self.pace.succeeded(result.seconds)
            self._settle(lane, delivered(result.status), result.seconds)
        for suspect in list(self._suspects) if self._suspects else ():
            if suspect.failures >= _SUSPECT and not suspect.sent and flight.began > suspect.failed_at:
                suspect.answered = True
                if suspect.bracketed:
                    self._set_aside(suspect)

    def _failed(self, flight: Flight, result: Result) -> None:
        now, said = monotonic(), result.reason or str(result.status)
        self.failure = said
        if self._breaker is not None and result.reason:
            self._breaker.failed(result.reason)
        if result.retry_after:
            self._not_before = max(self._not_before, now + result.retry_after)
        lane = flight.lane
        if lane is None:
            return
        suspect = lane.failures >= _SUSPECT
        if not suspect:  # a single request that fails again and again says nothing about B
            self.pace.failed()
        if said not in _NOT_ITS_FAULT and not result.retry_after:
            lane.failures += 1
            if lane.failures >= _SUSPECT:
                self._suspects.add(lane)
            lane.bracketed, lane.answered = lane.answered, False
            lane.failed_at = now
            lane.head.said = said
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(lane.attempts - 1, 10))
        self.lanes.again(lane, now + max(wait * random.uniform(0.8, 1.2), result.retry_after))
        if suspect:
            self._ask_witness(lane, now)

    def _ask_witness(self, suspect: Lane, now: float) -> None:
        """If no other lane can be a witness, ask B for the path of its check."""
        others = any(lane is not suspect for lane in self.lanes)
        if self._settings.check and not others and now >= self._check_at:
            self._check_at = now + _FIRST_WAIT
            self._fly(Request("GET", self._settings.check, [("Host", self._host)], b"", "", "http"), None)

    def _set_aside(self, lane: Lane) -> None:
        entry = lane.head
        kept = entry.clone is not None and self.aside.add(entry.spool_id, entry.said, entry.stamp / 1e9, entry.clone)
        logger.warning(
            "B %s: the request %s was set aside: it failed %d times (%s) while B answered others%s",
            self.name, entry.spool_id, lane.failures, entry.said, "" if kept else "; the disk did not take it",
        )  # fmt: skip
        self._counts.settle(entry, FAILED["poison"])
        self._forget(lane)
        self.lanes.withdraw(lane)

    def _settle(self, lane: Lane, column: int, seconds: float) -> None:
        self._counts.settle(lane.head, column, seconds)
        self._forget(lane)
        self.lanes.done(lane)

    def _forget(self, lane: Lane) -> None:
        """The first clone of a lane is settled: it holds no memory and is no suspect any more."""
        self._held_bytes -= lane.head.clone.size if lane.head.clone else 0
        self._suspects.discard(lane)

    def drop_oldest(self, most: int) -> None:
        """Drop up to this number of the clones that came first, as `spool_full`: the spool is at its limit."""
        waiting = sorted((lane for lane in self.lanes if not lane.sent), key=lambda lane: lane.head.stamp)
        for lane in waiting[:most]:
            self._lose(lane.head, "spool_full")
            self._forget(lane)
            self.lanes.withdraw(lane)

    def _lose(self, entry: Entry, reason: str) -> None:
        slot = self._counts.slot_of(entry.stream.name)
        self.words.lose(reason, slot if reason != "spool_full" else 0, entry.stamp, entry.stamp)
        self._counts.settle(entry, DROPPED[reason])

    def close(self, gather: Callable[[float], bool] = lambda seconds: False) -> None:
        """Save all places. What is in flight and has no answer soon, by `gather`, is sent again by the next drainer."""
        deadline = monotonic() + _LAST_ANSWERS
        while self.flights and monotonic() < deadline:
            if not self._take_results() and not gather(0.01):
                sleep(0.01)
        self.source.close()
