"""The ledger of the last minute, second by second: rates, recent times, and the age of the oldest clone in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from httptee.ledger import Latency, Ledger
from httptee.recording import SUFFIX, survey

WINDOWS: tuple[int, ...] = (1, 10, 60)
"""The periods for which there are rates, in seconds."""

RECENT = 60
"""The period of `recent`, in seconds."""

OUTCOMES = ("seen", "delivered", "failed", "dropped")
SPOOLED = "spooled"

_KEPT = max(WINDOWS) + 2


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of an upstream since the start, by name, and the times of its answers."""

    by_name: dict[str, int]
    latency: Latency


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts of A and of every B at one moment. `at` is in seconds, of the clock of the history."""

    at: float
    primary: Counts
    shadows: tuple[Counts, ...]
    recording: int = 0
    """Bytes of the files of the recording."""

    def of(self, backend: int) -> Counts:
        """The counts of a B. A B of a failed reload is not listed before its first clone."""
        return self.shadows[backend] if backend < len(self.shadows) else _NONE


_NONE = Counts(dict.fromkeys((*OUTCOMES, SPOOLED), 0), Latency((), 0.0))


class Moment:
    """What the history says now. All of it is of the same moment."""

    def __init__(self, now: Snapshot, kept: Sequence[Snapshot]) -> None:
        self._now = now
        self._kept = kept
        self._minute_ago = self._before(RECENT)
        self._since = [self._before(window) for window in WINDOWS]

    def primary_rates(self) -> dict[str, float]:
        """A's answers per second, by window."""
        return self._rates(lambda snapshot: snapshot.primary.by_name["answered"])

    def shadow_rates(self, backend: int) -> dict[str, dict[str, float]]:
        """A B's clones per second: seen, delivered, failed and dropped, by window."""
        return {
            what: self._rates(lambda snapshot, what=what: snapshot.of(backend).by_name[what])  # type: ignore[misc]
            for what in OUTCOMES
        }

    def primary_recent(self) -> dict[str, float]:
        """A in the last minute: counts, and the times within which half and 99 of 100 answers came, in seconds."""
        return _recent(self._now.primary, self._minute_ago.primary)

    def shadow_recent(self, backend: int) -> dict[str, float]:
        """The same of a B."""
        return _recent(self._now.of(backend), self._minute_ago.of(backend))

    def recording_growth(self) -> float:
        """Bytes a second by which the files of the recording have grown in the last minute; negative if they shrank."""
        elapsed = self._now.at - self._minute_ago.at
        return (self._now.recording - self._minute_ago.recording) / elapsed if elapsed > 0 else 0.0

    def oldest(self, backend: int) -> float:
        """The age of the oldest clone in flight in seconds, exact to a second; 0 if none is in flight.

        It is computed from the counts, as if clones were settled in the order in which they came: the oldest one came
        when the number of clones taken on exceeded the number that is settled now. The age is at most that of the
        oldest snapshot.
        """
        now = self._now.of(backend).by_name
        settled = now["delivered"] + now["failed"]
        if _taken_on(now) <= settled:
            return 0.0
        for snapshot in self._kept:
            if _taken_on(snapshot.of(backend).by_name) > settled:
                return self._now.at - snapshot.at
        return 0.0

    def _rates(self, count: Callable[[Snapshot], int]) -> dict[str, float]:
        now, rates = count(self._now), {}
        for window, since in zip(WINDOWS, self._since, strict=True):
            elapsed = self._now.at - since.at
            rates[f"{window}s"] = round((now - count(since)) / elapsed, 3) if elapsed > 0 else 0.0
        return rates

    def _before(self, seconds: float) -> Snapshot:
        """The youngest snapshot that is so old, or the oldest one."""
        return next((each for each in reversed(self._kept) if self._now.at - each.at >= seconds), self._kept[0])


class History:
    """Snapshots of the ledger, one a second. Written by one thread, read by any.

    `recording` is the directory of the recording, or empty. Its files end with the suffix that the ledger says.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = monotonic, recording: str = "") -> None:
        self._ledger = ledger
        self._clock = clock
        self._recording = recording
        self._snapshots: deque[Snapshot] = deque([self._taken()], maxlen=_KEPT)

    def take(self) -> Snapshot:
        """Add a snapshot, and return it."""
        taken = self._taken()
        self._snapshots.append(taken)
        return taken

    def moment(self) -> Moment:
        """What is known now."""
        return Moment(self._taken(), list(self._snapshots))

    def _taken(self) -> Snapshot:
        at = self._clock()
        statements, primary = self._ledger.statements(), self._ledger.primary()
        errors = sum(primary.errors_by_reason.values())
        server_errors = sum(count for status, count in primary.answered_by_status.items() if status >= 500)
        of_a = {"answered": primary.answered, "errors": errors, "answered_5xx": server_errors}
        shadows = tuple(
            Counts({what: getattr(statement, what) for what in (*OUTCOMES, SPOOLED)}, statement.latency)
            for statement in statements
        )
        recording = survey(self._recording, self._ledger.recording.suffix or SUFFIX).size if self._recording else 0
        return Snapshot(at, Counts(of_a, primary.latency), shadows, recording)


def since(now: Latency, before: Latency) -> Latency:
    """The answers that have come in between. A histogram without buckets stands for none."""
    if not before.buckets or not now.buckets:
        return now
    buckets = tuple(max(0, one - other) for one, other in zip(now.buckets, before.buckets, strict=True))
    return Latency(buckets, max(0.0, now.seconds - before.seconds))


def _recent(now: Counts, before: Counts) -> dict[str, float]:
    times = since(now.latency, before.latency)
    counts = {
        name: max(0, count - before.by_name.get(name, 0)) for name, count in now.by_name.items() if name != SPOOLED
    }
    return {**counts, "p50": round(times.quantile(0.5), 6), "p99": round(times.quantile(0.99), 6)}


def _taken_on(counts: dict[str, int]) -> int:
    """Clones that are or were in flight. Those that wait in a spool are not: the spool has an age of its own."""
    return counts["seen"] - counts["dropped"] - counts[SPOOLED]
