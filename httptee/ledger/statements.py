"""What can be read in the ledger: one B's account, A's account, and each worker, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latency:
    """How long answers took: their number in each bucket of `columns.BOUNDS` and above, and the sum in seconds."""

    buckets: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """All answers together."""
        return sum(self.buckets)


@dataclass(frozen=True, slots=True)
class Statement:
    """One B's account at one moment: counts since start, by status and by reason.

    `waiting` is a gauge over all workers. `state` is `up` or `down`, or `gone` where a reload took B away.
    """

    backend: str
    seen: int
    delivered_by_status: dict[int, int]
    failed_by_reason: dict[str, int]
    dropped_by_reason: dict[str, int]
    latency: Latency
    waiting: int
    state: str

    @property
    def delivered(self) -> int:
        """Clones that B answered, with whatever status."""
        return sum(self.delivered_by_status.values())

    @property
    def failed(self) -> int:
        """Clones that were sent, or could not be, and got no whole answer."""
        return sum(self.failed_by_reason.values())

    @property
    def dropped(self) -> int:
        """Clones that were never sent."""
        return sum(self.dropped_by_reason.values())

    @property
    def in_flight(self) -> int:
        """Clones that wait for a worker or for B."""
        return self.seen - self.delivered - self.failed - self.dropped

    def __str__(self) -> str:
        return (
            f"B {self.backend} seen={self.seen} delivered={self.delivered}{_detail(self.delivered_by_status)}"
            f" failed={self.failed}{_detail(self.failed_by_reason)}"
            f" dropped={self.dropped}{_detail(self.dropped_by_reason)} in_flight={self.in_flight}"
        )


@dataclass(frozen=True, slots=True)
class PrimaryStatement:
    """A's account: answers that clients got by status, A's failures and the tee's own refusals by reason.

    A request is counted once under `answered_by_status`, also where the answer is the tee's 502 or 504; an answer that
    breaks off in its body is counted by its status, and once more under `errors_by_reason`. Refused requests never
    came to A and are in no other count. `share_changes` is how often a worker's cutoff has changed the share of the
    clones that are sent.
    """

    answered_by_status: dict[int, int]
    errors_by_reason: dict[str, int]
    refused_by_reason: dict[str, int]
    latency: Latency
    log_dropped: int
    share_changes: int

    @property
    def answered(self) -> int:
        """Requests that went to A and have been answered."""
        return sum(self.answered_by_status.values())


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process that is alive: `core` is None where it is not pinned, `started` in seconds since the epoch.

    `share` is the part of the clones that its cutoff lets through, 0.0 to 1.0.
    """

    row: int
    pid: int
    core: int | None
    started: int
    draining: bool
    connections: int
    held_bytes: int
    share: float


def mean_share(workers: Sequence[Worker]) -> float:
    """The part of the clones that the cutoffs of all workers let through; 1.0 where none is alive."""
    return sum(worker.share for worker in workers) / len(workers) if workers else 1.0


def distinct(names: Sequence[str]) -> list[str]:
    """The names, those that were there before with a number: two B's may be at the same address."""
    return [
        name if names.index(name) == index else f"{name}#{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]


def _detail(counts: dict[int, int] | dict[str, int]) -> str:
    return f" ({' '.join(f'{key}={count}' for key, count in counts.items())})" if counts else ""
