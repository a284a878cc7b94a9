"""What became of the requests of a replay: counts that add up, and times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from httptee.replay.figures.histogram import Histogram, Percentiles
from httptee.replay.sending import STOPPED, Sent

_TENTH = 10
_COUNTERS = ("failed", "unanswered", "statuses")
_NUMBERS = ("stopped", "died", "sent")
_TIMES = ("from_due", "from_send", "late")


@dataclass(frozen=True, slots=True)
class Figures:
    """The counts and times of a replay. `recorded` exchanges = `sent` + those `filtered` + those that `failed` to be
    sent, each by reason, + those `damaged` in the recording + `unreached`. `sent` = those answered, by `statuses`, +
    those `unanswered`, by reason.

    `from_due` and `from_send` are the times to the end of an answer, in seconds; a request whose answer took longer
    than the limit is in them with the time at which it was given up. `late`: from the due time until the request was
    sent; where a connection of the recording was busy with the one before, from the end of that one. `drift`: the mean
    lateness of the last tenth less that of the first. `began`: the due time 0, in seconds since the epoch. `seconds`:
    how long the replay took. `died`: the processes that ended before their time. What they had without a result has
    failed, as `lost`: it is not known whether it was sent.
    """

    recorded: int
    sent: int
    filtered: dict[str, int]
    failed: dict[str, int]
    unreached: int
    unanswered: dict[str, int]
    statuses: dict[int, int]
    from_due: Percentiles
    from_send: Percentiles
    late: Percentiles
    drift: float
    seconds: float
    began: float = 0.0
    died: int = 0
    damaged: int = 0

    @property
    def answered(self) -> int:
        """Requests with a whole answer."""
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Requests sent a second."""
        return self.sent / self.seconds if self.seconds > 0 else 0.0

    @property
    def adds_up(self) -> bool:
        """Whether each exchange of the recording is counted once."""
        counted = self.sent + sum(self.filtered.values()) + sum(self.failed.values()) + self.damaged + self.unreached
        return self.recorded == counted and self.sent == self.answered + sum(self.unanswered.values())


class Tally:
    """Counts the results of a replay as they come."""

    def __init__(self) -> None:
        self.failed: Counter[str] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.stopped = self.died = 0
        self.sent = 0
        self.from_due, self.from_send, self.late = Histogram(), Histogram(), Histogram()
        self.lately = Histogram()
        """The lateness since the last look at the progress; whoever looks begins a new one."""
        self.last_due = 0.0
        self._seconds: list[list[float]] = []  # by second of the due time: requests, and the sum of their lateness

    def settled(self, due: float, sent: Sent) -> None:
        """Count one result of a request that was due at this time, in seconds after the start."""
        failure = sent.failure
        if failure == STOPPED:
            self.stopped += 1
            return
        if sent.waited < 0 and failure:
            self.failed[failure] += 1
            return
        self.late.add(sent.late)
        self.lately.add(sent.late)
        self._add_second(due, sent.late)
        self.sent += 1
        if failure:
            self.unanswered[failure] += 1
        else:
            self.statuses[sent.status] += 1
        if not failure or failure == "timeout":
            self.from_send.add(sent.took)
            self.from_due.add(sent.waited + sent.took)

    def figures(
        self,
        recorded: int,
        filtered: dict[str, int],
        unreached: int,
        seconds: float,
        began: float = 0.0,
        damaged: int = 0,
    ) -> Figures:
        """The figures, with what is known of the exchanges that were not sent."""
        return Figures(
            recorded, self.sent, filtered, dict(self.failed), unreached, dict(self.unanswered), dict(self.statuses),
            self.from_due.percentiles(), self.from_send.percentiles(), self.late.percentiles(), self.drift, seconds,
            began, self.died, damaged,
        )  # fmt: skip

    def merge(self, other: Tally) -> None:
        """Add the results of another member, whose replay began at the same time."""
        self.failed += other.failed
        self.unanswered += other.unanswered
        self.statuses += other.statuses
        self.stopped += other.stopped
        self.died += other.died
        self.sent += other.sent
        for name in _TIMES:
            getattr(self, name).merge(getattr(other, name))
        self.last_due = max(self.last_due, other.last_due)
        pairs = zip_longest(self._seconds, other._seconds, fillvalue=[0, 0.0])
        self._seconds = [[one[0] + two[0], one[1] + two[1]] for one, two in pairs]

    def state(self) -> dict[str, Any]:
        """The results as values of JSON, for a member that adds several up."""
        return {
            **{name: list(getattr(self, name).items()) for name in _COUNTERS},
            **{name: getattr(self, name) for name in _NUMBERS},
            **{name: getattr(self, name).state() for name in _TIMES},
            "seconds": self._seconds,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Tally:
        """The reverse of `state`. Raises KeyError, TypeError, ValueError or IndexError if it is none."""
        made = cls()
        for name in _COUNTERS:
            getattr(made, name).update({key: int(count) for key, count in state[name]})
        for name in _NUMBERS:
            setattr(made, name, int(state[name]))
        for name in _TIMES:
            setattr(made, name, Histogram.restored(state[name]))
        made._seconds = [[int(count), float(late)] for count, late in state["seconds"]]
        return made

    @property
    def drift(self) -> float:
        """The mean lateness of the requests in the last tenth of the time less that of those in the first tenth."""
        size = max(1, len(self._seconds) // _TENTH)
        first, last = _mean(self._seconds[:size]), _mean(self._seconds[-size:])
        return last - first

    def _add_second(self, due: float, late: float) -> None:
        second = int(due)
        while second >= len(self._seconds):
            self._seconds.append([0, 0.0])
        self._seconds[second][0] += 1
        self._seconds[second][1] += late
        self.last_due = max(self.last_due, due)


def _mean(seconds: list[list[float]]) -> float:
    count = sum(one[0] for one in seconds)
    return sum(one[1] for one in seconds) / count if count else 0.0
