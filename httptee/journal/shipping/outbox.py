"""What waits to be shipped: the segments of a directory, read batch by batch, and how far they are shipped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from httptee.journal import Segment
from httptee.journal.shipping import parcel
from httptee.journal.shipping.batch import Batch, batch_of
from httptee.journal.shipping.parcel import Missing
from httptee.journal.shipping.state import Place, Plan, State, StateFile
from httptee.journal.shipping.survey import Survey

_STATE = "shipped"
_SETTLED = 0.05  # seconds


@dataclass(slots=True)
class _Open:
    """A segment that is being read, and its size at a time. What is there for a while does not change any more: if the
    disk is full, a writer takes back what it has only begun to write."""

    segment: Segment
    at: float
    size: int = 0
    stable: int = 0

    def look(self, now: float, finished: bool) -> None:
        """Have the segment end where its bytes are stable."""
        self.segment.look_again()
        size = self.segment.size
        if now - self.at >= _SETTLED:
            self.at, self.size, self.stable = now, size, self.size
        self.segment.size = size if finished else min(self.stable, size)


class Outbox:
    """The segments with a `suffix` in a directory. `own` is the stream that this process writes, if it does: what is
    missing at its end is told by its writer. Raises OSError. BlockingIOError: another process ships this directory."""

    def __init__(
        self,
        directory: Path,
        suffix: str,
        writer: str,
        label: str,
        own: str = "",
        clock: Callable[[], float] = monotonic,
    ) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._own = own
        self._clock = clock
        self._file = StateFile(directory / f"{_STATE}{suffix}.state")
        self.state = State.unpacked(self._file.data, writer, label)
        self._survey = Survey(directory, suffix)
        self._open: dict[str, _Open] = {}
        self._stuck: set[Path] = set()  # segments that cannot be removed
        self.error = ""
        """Why the state could not be saved the last time, or empty."""
        self.look()

    @property
    def size(self) -> int:
        """The bytes that wait."""
        return self._survey.size

    def look(self) -> None:
        """Look at everything that waits, to count it."""
        with suppress(OSError):
            self._survey.read()
            self._survey.look()
        for stream, before in self._survey.begun():
            self.state.places.setdefault(stream, Place(sequence=before))

    def outlook(self) -> tuple[int, list[Missing]]:
        """How many records wait, and what was removed and is not yet told to the readers."""
        return self._survey.outlook(self.state.places, self._held())

    def again(self) -> Batch | None:
        """The batch that was planned before this process began; None if there was none, or if it is gone. Then its
        numbers are not used again: readers see what they did not get. Raises OSError."""
        plan, self.state.plan = self.state.plan, None
        if plan is None:
            return None
        batch = self._remade(plan)
        if batch is None:
            place = self.state.places.get(plan.stream, Place())
            for partition, count in plan.messages.items():
                self.state.numbers[partition] = self.state.numbers.get(partition, 0) + count
            self.state.places[plan.stream] = plan.after
            if plan.after.sequence > max(0, place.sequence):
                count = plan.after.sequence - max(0, place.sequence)
                self.state.miss(Missing(count, place.stamp, plan.after.stamp, parcel.REMOVED))
        return batch

    def next(self) -> Batch | None:
        """What is to be shipped next. Raises OSError."""
        self._survey.read()
        self.state.forget(set(self._survey.streams))
        for stream in dict.fromkeys((*self._survey.streams, *self._open)):
            if (batch := self._from(stream)) is not None:
                return batch
        for stream, after in self._survey.vanished(self.state.places, self._held()):
            return self._without_segment(stream, after)
        return None

    def plan(self, batch: Batch, messages: dict[int, int]) -> None:
        """Save what is in a batch, before it goes to the engine."""
        self.state.plan = Plan(batch.stream, batch.after, messages, batch.abandoned)
        self._save()

    def done(self, batch: Batch, messages: dict[int, int]) -> None:
        """The batch is in the engine. A segment of which nothing is left is removed, after this is saved."""
        state = self.state
        for partition, count in messages.items():
            state.numbers[partition] = state.numbers.get(partition, 0) + count
        state.places[batch.stream] = batch.after
        state.shipped += batch.records
        state.plan = None
        for missing in batch.missing:
            state.miss(missing)
        if batch.ended:
            self._save(sync=True)
            self._remove(batch.stream)

    def close(self) -> None:
        """Save everything, and let another process ship. May be called twice."""
        self._save()
        for one in self._open.values():
            one.segment.close()
        self._open.clear()
        self._file.close()

    def _from(self, stream: str) -> Batch | None:
        """The next batch of a stream, or None if nothing is there by now."""
        one = self._open.get(stream) or self._opened(stream)
        if one is None:
            return None
        segment = one.segment
        finished = not segment.being_written()
        one.look(self._clock(), finished)
        last = self._survey.streams.get(stream, [segment.path])[-1] == segment.path
        abandoned = finished and last and stream != self._own and not segment.closed
        place = self.state.places.get(stream, Place())
        batch = batch_of(stream, segment, place, finished=finished, abandoned=abandoned)
        return batch if batch.pieces or batch.ended else None

    def _opened(self, stream: str) -> _Open | None:
        for path in self._survey.streams.get(stream, ()):
            if path not in self._stuck:
                with suppress(FileNotFoundError):  # it was removed meanwhile
                    self._open[stream] = _Open(Segment(path), self._clock())
                    return self._open[stream]
        return None

    def _remade(self, plan: Plan) -> Batch | None:
        place = self.state.places.get(plan.stream, Place())
        if not plan.after.marker:
            return self._without_segment(plan.stream, plan.after)
        self._survey.read()
        for path in self._survey.streams.get(plan.stream, ()):
            with suppress(FileNotFoundError):
                segment = Segment(path)
                if segment.marker.hex() != plan.after.marker or segment.size < plan.after.offset:
                    segment.close()
                    continue
                self._open[plan.stream] = _Open(segment, self._clock())
                finished, upto = not segment.being_written(), plan.after.offset
                return batch_of(plan.stream, segment, place, finished=finished, abandoned=plan.abandoned, upto=upto)
        return None

    def _without_segment(self, stream: str, after: Place) -> Batch:
        """The batch that tells what was removed at the end of a stream."""
        place, batch = self.state.places.get(stream, Place()), Batch(stream, after)
        batch.miss(Missing(after.sequence - max(0, place.sequence), place.stamp, after.stamp, parcel.REMOVED))
        return batch

    def _held(self) -> set[str]:
        return {one.segment.marker.hex() for one in self._open.values()}

    def _remove(self, stream: str) -> None:
        one = self._open.pop(stream, None)
        if one is None:
            return
        one.segment.close()
        try:
            one.segment.path.unlink(missing_ok=True)
        except OSError:
            self._stuck.add(one.segment.path)

    def _save(self, *, sync: bool = False) -> None:
        try:
            self._file.save(self.state.packed(), sync=sync)
            self.error = ""
        except (OSError, ValueError) as error:
            self.error = getattr(error, "strerror", None) or str(error)
