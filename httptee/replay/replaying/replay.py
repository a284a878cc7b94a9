"""Replays a recording: reads it ahead of time, deals its requests to the processes that send, and takes the results.

This process does all that may take long (it reads, decodes, compares and judges), so that those that send have nothing
to do but to be on time. They get each request up to two seconds before it is due.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, time
from typing import Any, Protocol

from httptee.recording import MalformedExchange
from httptee.replay.figures import Figures, Tally
from httptee.replay.replaying.feed import Feed, Planned
from httptee.replay.sending import DONE, END, LOST, START, STOP, Item, Process, Sending, Sent, start

_PREFILL = 0.5  # seconds before the start: for the first messages, and to open connections
_AHEAD = 2.0  # seconds
_UNSETTLED, _HELD = 50_000, 64 << 20  # items and bytes of one process without a result
_UNSENT = 1 << 20  # bytes of messages that the kernel has not taken
_WAIT = 0.02  # seconds
_LOOK = 1.0  # seconds between two looks at the progress
_GRACE = 5.0  # seconds for the processes to end after a stop


class Judging(Protocol):
    """What compares the answers, see `judging.Judging`."""

    def settled(self, planned: Planned, sent: Sent) -> None:
        """Take a result."""

    def turn(self) -> None:
        """Do what is due."""


class Progress(Protocol):
    """What shows how far the replay is, see `progress`."""

    def show(self, tally: Tally, done: float | None, seconds: float) -> None:
        """Called once a second. `done` is from 0 to 1, or None where there is no end."""

    def close(self) -> None:
        """The replay has ended."""


class Replay:
    """One replay through `processes` processes. `interrupt` ends it early; it still has its figures then. `wait` is
    called when all is ready to begin: it begins when that returns."""

    def __init__(
        self,
        feed: Feed,
        sending: Sending,
        processes: int,
        judging: Judging | None,
        progress: Progress,
        clock: Callable[[], float] = monotonic,
        wait: Callable[[], object] = lambda: None,
    ) -> None:
        self.tally = Tally()
        self.interrupted = False
        self.broken: OSError | MalformedExchange | None = None
        """Why the recording could not be read to its end."""
        self._feed = feed
        self._sending = sending
        self._count = processes
        self._judging = judging
        self._progress = progress
        self._clock = clock
        self._wait = wait
        self._processes: list[Process] = []
        self._pending: dict[int, Planned] = {}
        self._source: Iterator[Planned] = iter(feed)
        self._next: Planned | None = None
        self._latest: Planned | None = None
        self._started = self._looked = self._ended = 0.0
        self._read_all = False

    def run(self) -> Figures:
        """Replay all, or what can be read. Raises OSError where no process can be started."""
        try:
            for _ in range(self._count):
                self._processes.append(start(self._sending))
            self._wait()
            self._begin()
            self._work()
            self._settle_rest()
        finally:
            self._progress.close()
            for process in self._processes:
                process.end()
        feed, tally = self._feed, self.tally
        unreached = feed.unread + tally.stopped + (self._next is not None)
        seconds = max(0.0, (self._ended or self._clock()) - self._started)
        began = time() - self._clock() + self._started
        return tally.figures(feed.recorded, feed.filtered, unreached, seconds, began, feed.damaged)

    def interrupt(self) -> None:
        """Send no more. What is in flight may end. For a signal handler."""
        self.interrupted = True

    # --- The loop ---------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Fill the processes, then let them start together: on a machine, all have the same monotonic clock."""
        until = self._clock() + _PREFILL
        while self._clock() < until and not self._read_all:
            self._exchange(0.0 if self._deal() else _WAIT)
        self._started = self._looked = self._clock() + _PREFILL / 2
        for process in self._processes:
            process.channel.put((START, self._started))

    def _work(self) -> None:
        """Until all processes are done; after an interrupt, for a limited time."""
        until = 0.0
        while any(not (process.done or process.channel.ended) for process in self._processes):
            now = self._clock()
            if self.interrupted and not until:
                until, self._read_all = now + _GRACE, True
                for process in self._processes:
                    process.channel.put((STOP,))
            if until and now > until:
                break
            busy = self._deal()
            self._exchange(0.0 if busy else _WAIT)
            if self._judging is not None:
                self._judging.turn()
            self._look(now)
        self._ended = self._clock()

    def _look(self, now: float) -> None:
        if now - self._looked >= _LOOK and now > self._started:
            self._looked = now
            done = self._feed.done(self._latest) if self._latest is not None else 0.0
            self._progress.show(self.tally, done, now - self._started)

    def _deal(self) -> bool:
        """Give the processes what is due soon. Returns whether there may be more to give at once."""
        if self._read_all:
            return False
        for _ in range(64):
            if self._next is None:
                self._next = self._read()
                if self._next is None:
                    self._read_all = True
                    for process in self._processes:
                        process.channel.put((END,))
                    return False
            if not self._deal_one(self._next):
                return False
            self._next = None
        return True

    def _read(self) -> Planned | None:
        """The next request. A tee that still records may remove a file before it is read: what was sent counts."""
        try:
            return next(self._source, None)
        except (OSError, MalformedExchange) as error:
            self.broken = error
            return None

    def _deal_one(self, planned: Planned) -> bool:
        lane = planned.exchange.connection
        pooled = self._sending.connections is not None
        process = self._process_of(planned.number if pooled else lane)
        soon = _AHEAD + (self._clock() - self._started if self._started else 0.0)
        if process is None or _is_full(process) or planned.due > soon:
            return False
        prepared, expected = planned.prepared, None
        if (a := prepared.expected) is not None:
            expected = (a.status, a.headers, a.body, a.length, a.digest)
        item = Item(planned.number, planned.due, lane, prepared.request.method, prepared.data, expected)
        size = process.channel.put(tuple(item))
        process.unsettled[planned.number] = size
        process.held += size
        self._pending[planned.number] = self._latest = planned
        return True

    def _process_of(self, key: int) -> Process | None:
        """The process for a connection of the recording or a number. If it has died, another one takes its place."""
        first = key % len(self._processes)
        order = (*self._processes[first:], *self._processes[:first])
        return next((process for process in order if not process.channel.ended), None)

    def _exchange(self, wait: float) -> None:
        """Pass messages on, in both directions."""
        alive = [process for process in self._processes if not process.channel.ended and not process.done]
        writing = [process.channel for process in alive if process.channel.unsent]
        ready, _, _ = select.select([one.channel for one in alive], writing, [], wait)
        for process in alive:
            process.channel.flush()
            if process.channel in ready:
                self._receive(process)
            if process.channel.ended and not process.done:
                self._bury(process)

    def _receive(self, process: Process) -> bool:
        """Take in what has arrived. Returns whether there was something."""
        before = process.channel.unread
        process.channel.receive()
        some = process.channel.unread > before
        for message in process.channel.messages():
            self._on_message(process, message)
        return some

    def _bury(self, process: Process) -> None:
        """A process has died: take its last results, and count the rest as lost."""
        while self._receive(process):
            pass
        self.tally.died += not process.done
        for number in list(process.unsettled):
            self._lose(number)
        process.unsettled.clear()

    def _on_message(self, process: Process, message: Sequence[Any]) -> None:
        if message[0] == DONE:
            process.done = True
            return
        for fields in message:
            sent = Sent(*fields)
            process.held -= process.unsettled.pop(sent.number, 0)
            self._settle(sent)

    def _settle(self, sent: Sent) -> None:
        planned = self._pending.pop(sent.number, None)
        if planned is not None:
            self.tally.settled(planned.due, sent)
            if self._judging is not None:
                self._judging.settled(planned, sent)

    def _settle_rest(self) -> None:
        """Count what has no result, because its process has not ended in time."""
        for number in list(self._pending):
            self._lose(number)

    def _lose(self, number: int) -> None:
        self._settle(Sent(number, LOST, 0, 0.0, -1.0, 0.0, 0.0, None, None))


def _is_full(process: Process) -> bool:
    """Whether a process has so much to do that it gets nothing more."""
    return len(process.unsettled) >= _UNSETTLED or process.held >= _HELD or process.channel.unsent >= _UNSENT
