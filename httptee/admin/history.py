"""The ledger of the last minute, second by second: rates, and the age of the oldest clone in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from httptee.ledger import Ledger

WINDOWS: tuple[int, ...] = (1, 10, 60)
"""The periods for which there are rates, in seconds."""

_KEPT = max(WINDOWS) + 2


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Counts since start: A's answers, and of each B the clones seen, delivered, failed and dropped."""

    at: float
    answered: int
    shadows: tuple[dict[str, int], ...]

    def of(self, backend: int) -> dict[str, int]:
        """The counts of a B. A B of a failed reload is not listed before its first clone."""
        return self.shadows[backend] if backend < len(self.shadows) else _NONE


_NONE = {"seen": 0, "delivered": 0, "failed": 0, "dropped": 0}


class History:
    """Snapshots of the ledger, one a second. Written by one thread, read by any."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._snapshots: deque[_Snapshot] = deque([self._now()], maxlen=_KEPT)

    def take(self) -> bool:
        """Add a snapshot. Always returns True."""
        self._snapshots.append(self._now())
        return True

    def primary_rates(self) -> dict[str, float]:
        """A's answers per second, by window."""
        return self._rates(lambda snapshot: snapshot.answered)

    def shadow_rates(self, backend: int) -> dict[str, dict[str, float]]:
        """A B's clones per second: seen, delivered, failed and dropped, by window."""
        return {
            what: self._rates(lambda snapshot, what=what: snapshot.of(backend)[what])  # type: ignore[misc]
            for what in ("seen", "delivered", "failed", "dropped")
        }

    def oldest(self, backend: int) -> float:
        """The age of the oldest clone in flight in seconds, exact to a second; 0 if none is in flight.

        It is computed from the counts, as if clones were settled in the order in which they came: the oldest one came
        when the number of clones taken on exceeded the number that is settled now. The age is at most that of the
        oldest snapshot.
        """
        now = self._now()
        settled = _settled(now.of(backend))
        if _taken_on(now.of(backend)) <= settled:
            return 0.0
        for snapshot in list(self._snapshots):
            if _taken_on(snapshot.of(backend)) > settled:
                return now.at - snapshot.at
        return 0.0

    def _rates(self, count: Callable[[_Snapshot], int]) -> dict[str, float]:
        now = self._now()
        kept = list(self._snapshots)
        rates = {}
        for window in WINDOWS:
            old_enough = [snapshot for snapshot in kept if now.at - snapshot.at >= window]
            since = old_enough[-1] if old_enough else kept[0]
            elapsed = now.at - since.at
            rates[f"{window}s"] = round((count(now) - count(since)) / elapsed, 3) if elapsed > 0 else 0.0
        return rates

    def _now(self) -> _Snapshot:
        shadows = tuple(
            {
                "seen": statement.seen,
                "delivered": statement.delivered,
                "failed": statement.failed,
                "dropped": statement.dropped,
            }
            for statement in self._ledger.statements()
        )
        return _Snapshot(self._clock(), self._ledger.primary().answered, shadows)


def _taken_on(counts: dict[str, int]) -> int:
    return counts["seen"] - counts["dropped"]


def _settled(counts: dict[str, int]) -> int:
    return counts["delivered"] + counts["failed"]
