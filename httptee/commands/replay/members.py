"""A replay by several members: each fetches its partitions of a topic, and one of them reports for all."""

from __future__ import annotations

import argparse
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from httptee.commands.recording import fetch
from httptee.journal.engines import Unavailable, open_engine
from httptee.recording import Gap, Recording, read_recording
from httptee.replay.figures import Figures, Tally
from httptee.replay.replaying import Judging, Span
from httptee.replay.sharing import Alone, Meeting
from httptee.verdict.evidence import Unreadable


@dataclass(slots=True)
class Outcome:
    """How a replay, or the part of one member, has ended."""

    tally: Tally
    figures: Figures
    gaps: Sequence[Gap]
    replaced: int
    interrupted: bool


class Company:
    """The members of one replay. `span` is that of the whole recording."""

    def __init__(self, meeting: Meeting, parts: Sequence[Mapping[str, Any]], label: str) -> None:
        self.meeting = meeting
        self._parts = parts
        self._label = label
        counts = [int(part["count"]) for part in parts]
        known = [part for part in parts if part["count"]]
        first = min((int(part["first"]) for part in known), default=0)
        self.span = Span(first, max((int(part["last"]) for part in known), default=0), sum(counts))
        self._before, self._own = sum(counts[: meeting.index]), counts[meeting.index]

    @property
    def reports(self) -> bool:
        """Whether this member makes the report."""
        return self.meeting.reports

    def begin(self) -> None:
        """Return when all members begin. Raises Unreadable."""
        try:
            self.meeting.begin()
        except (Unavailable, Alone) as error:
            raise Unreadable(str(error)) from None

    @property
    def part(self) -> str:
        """What this member was, for a person."""
        return f"this was the part of member {self.meeting.index + 1} of {len(self._parts)}; member 1 reports for all"

    def share(self, asked: argparse.Namespace) -> None:
        """Reduce what was asked of all to the share of this member."""
        total = max(1, self.span.count)
        if asked.rate:
            asked.rate *= self._own / total
        if asked.limit:
            whole = asked.limit
            asked.limit = whole * (self._before + self._own) // total - whole * self._before // total
        asked.a_rate /= len(self._parts)

    def add_up(self, own: Outcome, judging: Judging | None) -> Outcome | None:
        """Publish what this member has counted. The one that reports gets the sum, and adds to its own court what the
        others' know; the others get None. Raises Unreadable."""
        document = {
            "tally": own.tally.state(),
            "figures": {name: getattr(own.figures, name) for name in _SUMMED},
            "seconds": [own.figures.seconds, own.figures.began],
            "filtered": own.figures.filtered,
            "gaps": list(map(asdict, own.gaps)),
            "replaced": own.replaced,
            "interrupted": own.interrupted,
            "judging": judging and judging.state(),
        }
        try:
            found = self.meeting.finish(zlib.compress(orjson.dumps(document, option=orjson.OPT_NON_STR_KEYS), 1))
            others = [_read(data) for number, data in enumerate(found) if number != self.meeting.index]
        except (Unavailable, ValueError, KeyError, TypeError, zlib.error) as error:
            raise Unreadable(f"{self._label}: the members cannot add up: {error}") from None
        if not self.reports:
            return None
        sum_ = _Sum(own)
        for part, other in zip(self._parts[1:], others, strict=True):
            sum_.add(other, int(part["count"]))
            if other is not None and judging is not None and other["judging"] is not None:
                judging.add(other["judging"])
        return sum_.outcome()


_SUMMED = ("recorded", "unreached", "damaged")


class _Sum:
    """The outcomes of all members together."""

    def __init__(self, own: Outcome) -> None:
        self._own = own
        self._counts = Counter({name: int(getattr(own.figures, name)) for name in _SUMMED})
        self._filtered = Counter(own.figures.filtered)
        self._seconds, self._began = own.figures.seconds, own.figures.began
        self._gaps = list(own.gaps)
        self._replaced, self._interrupted = own.replaced, own.interrupted

    def add(self, other: Mapping[str, Any] | None, count: int) -> None:
        """Add what another member has counted; None if it has gone, and had `count` exchanges."""
        if other is None:
            self._counts.update(recorded=count, unreached=count)
            self._own.tally.died += 1
            return
        self._counts.update({name: int(other["figures"][name]) for name in _SUMMED})
        self._filtered.update(other["filtered"])
        seconds, began = other["seconds"]
        self._seconds, self._began = max(self._seconds, seconds), min(self._began, began)
        self._gaps += [Gap(**gap) for gap in other["gaps"]]
        self._replaced += int(other["replaced"])
        self._interrupted = self._interrupted or bool(other["interrupted"])
        self._own.tally.merge(Tally.restored(other["tally"]))

    def outcome(self) -> Outcome:
        """The sum."""
        tally, counts = self._own.tally, self._counts
        figures = tally.figures(
            counts["recorded"], dict(self._filtered), counts["unreached"], self._seconds, self._began, counts["damaged"]
        )
        return Outcome(tally, figures, sorted(self._gaps), self._replaced, self._interrupted)


def _read(data: bytes | None) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = None if data is None else orjson.loads(zlib.decompress(data))
    return found


@contextmanager
def joined(asked: argparse.Namespace, say: Callable[[str], object]) -> Iterator[tuple[Recording, Company]]:
    """Join the other members, fetch the part of this one, and wait until all have theirs. Raises OSError and
    Unreadable."""
    (address,) = asked.recording
    with ExitStack() as until_the_end:
        try:
            engine = open_engine(address)
            until_the_end.callback(engine.close)
            meeting = Meeting(engine, asked.group, asked.members, say)
            until_the_end.callback(meeting.close)
            meeting.join()
            say(f"member {meeting.index + 1} of {asked.members} of the group {asked.group}")
            place = Path(until_the_end.enter_context(TemporaryDirectory(prefix="httptee-fetched-"))) / "part"
            fetch(address, place, lambda partition: partition % asked.members == meeting.index)
            recording = until_the_end.enter_context(read_recording([place]) if place.exists() else Recording(()))
            span = Span.of(recording)
            company = Company(meeting, meeting.ready(asdict(span)), engine.label)
            if not company.span.count:
                raise Unreadable(f"{engine.label}: there is no recording in this topic")
        except (Unavailable, Alone, ValueError) as error:
            raise Unreadable(str(error)) from None
        yield recording, company
