"""The requests of a replay, one after the other, each with the time at which it is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from httptee.recording import Exchange, Gap, Recording
from httptee.replay.replaying.preparing import Prepared, Preparing
from httptee.replay.replaying.schedule import Schedule, round_length

OUTSIDE = "outside_the_time"


@dataclass(frozen=True, slots=True)
class Planned:
    """A request with its `number` in the replay, from 0, its time in seconds after the start, and its exchange."""

    number: int
    due: float
    exchange: Exchange
    prepared: Prepared


@dataclass(frozen=True, slots=True)
class Range:
    """Which part of a recording is replayed: what arrived from `first` up to `last` (nanoseconds since the epoch; None:
    up to the end), `rounds` times (None: until it is stopped), and at most `limit` requests in all."""

    first: int = 0
    last: int | None = None
    rounds: int | None = 1
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A recording by its first and its last arrival, in nanoseconds since the epoch, and how many exchanges it has."""

    first: int
    last: int
    count: int

    @classmethod
    def of(cls, recording: Recording) -> Span:
        """That of a recording."""
        return cls(recording.first, recording.last, recording.count)


class Feed:
    """Reads a recording and prepares its requests. `read` counts the exchanges that were read, and `damaged` those that
    could not be. If the recording is a part of one that several members replay, `span` is that of the whole."""

    def __init__(
        self,
        recording: Recording,
        chosen: Range,
        schedule: Schedule,
        preparing: Preparing,
        span: Span | None = None,
    ) -> None:
        self._recording = recording
        self._chosen = chosen
        self._schedule = schedule
        self.preparing = preparing
        self.read = self.damaged = self.begun = 0
        self.whole = False
        """Whether all has been read."""
        self._span = span or Span.of(recording)
        self._first = max(self._span.first, chosen.first)
        self._last = self._span.last if chosen.last is None else min(chosen.last, self._span.last)

    def __iter__(self) -> Iterator[Planned]:
        """The requests in the order in which they are due."""
        chosen, recording = self._chosen, self._recording
        length = round_length(self._first, self._last, self._span.count)
        due_at, number = self._schedule.clock(), 0
        for one in count() if chosen.rounds is None else range(chosen.rounds):
            self.begun = one + 1
            for exchange in recording.between(chosen.first, chosen.last, self._on_damaged):
                if chosen.limit is not None and number >= chosen.limit:
                    return
                self.read += 1
                prepared = self.preparing(exchange, number)
                if prepared is not None:
                    yield Planned(number, due_at(exchange.arrived + one * length), exchange, prepared)
                    number += 1
            if not number:  # else it would go on for ever
                break
        self.whole = True

    @property
    def recorded(self) -> int:
        """The exchanges of the recording, once for each round that was begun."""
        return self._recording.count * self.begun

    @property
    def filtered(self) -> dict[str, int]:
        """The exchanges that were not to be sent, by reason."""
        outside = self.recorded - self.read - self.damaged if self.whole else 0
        return {**self.preparing.refused, **({OUTSIDE: outside} if outside else {})}

    @property
    def unread(self) -> int:
        """The exchanges that were not reached."""
        return 0 if self.whole else self.recorded - self.read - self.damaged

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing in the part that was chosen. The first use reads all of the recording. Raises OSError."""
        last = self._recording.last if self._chosen.last is None else self._chosen.last
        return tuple(gap for gap in self._recording.gaps if gap.last >= self._chosen.first and gap.first <= last)

    def _on_damaged(self, arrived: int) -> None:
        self.damaged += 1

    def done(self, planned: Planned) -> float | None:
        """Which part of the replay lies before this request, from 0 to 1; None where there is no end."""
        chosen = self._chosen
        within = (planned.exchange.arrived - self._first) / max(1, self._last - self._first)
        parts = [] if chosen.rounds is None else [(self.begun - 1 + within) / chosen.rounds]
        if chosen.limit is not None:
            parts.append(planned.number / max(1, chosen.limit))
        return min(1.0, max(0.0, *parts, 0.0)) if parts else None
