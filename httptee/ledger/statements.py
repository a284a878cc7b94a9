"""What a reader gets from the ledger: one B's account, A's account, and each worker process, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from httptee.ledger.columns import BOUNDS
from httptee.ledger.spools import Spooled


@dataclass(frozen=True, slots=True)
class Latency:
    """Durations of answers: the number in each bucket of `columns.BOUNDS` and above, and their sum in seconds."""

    buckets: tuple[int, ...]
    seconds: float

    @property
    def count(self) -> int:
        """The number of answers."""
        return sum(self.buckets)

    def quantile(self, part: float) -> float:
        """The time in seconds within which this part of the answers came, as exact as the buckets are.

        Within a bucket it is interpolated, as Prometheus does it. Above the last bound it is that bound; 0.0 if there
        is no answer.
        """
        wanted = part * self.count
        below, reached = 0.0, 0
        for bound, count in zip(BOUNDS, self.buckets, strict=False):
            if count and reached + count >= wanted:
                return below + (bound - below) * (wanted - reached) / count
            below, reached = bound, reached + count
        return BOUNDS[-1] if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Statement:
    """One B's account at one moment: counts since the start, by status and by reason.

    `waiting` is a gauge: the sum over all worker processes. `state` is `up` or `down`, or `gone` if a reload removed B.
    `spooled` is what waits in the spool. `recovered` is the part of `seen` that an earlier run has left there.

    `handed_over` clones are in an engine, or another tee or this one has taken them from there. Those that this one has
    taken and settled are `taken_over`, a part of `seen`. Over all tees, what waits in the engine is the difference.
    """

    backend: str
    seen: int
    delivered_by_status: dict[int, int]
    failed_by_reason: dict[str, int]
    dropped_by_reason: dict[str, int]
    latency: Latency
    waiting: int
    state: str
    spooled: int = 0
    recovered: int = 0
    spool: Spooled | None = None
    handed_over: int = 0
    taken_over: int = 0

    @property
    def delivered(self) -> int:
        """Clones that B answered, with any status."""
        return sum(self.delivered_by_status.values())

    @property
    def failed(self) -> int:
        """Clones that got no whole answer, or could not be sent."""
        return sum(self.failed_by_reason.values())

    @property
    def dropped(self) -> int:
        """Clones that the tee dropped."""
        return sum(self.dropped_by_reason.values())

    @property
    def in_flight(self) -> int:
        """Clones that wait for a thread or for B's answer."""
        return self.seen - self.delivered - self.failed - self.dropped - self.spooled - self.handed_over

    @property
    def has_engine(self) -> bool:
        """Whether its spool is on an engine."""
        return self.spool is not None and bool(self.spool.engine)

    def __str__(self) -> str:
        return (
            f"B {self.backend} seen={self.seen} delivered={self.delivered}{_detail(self.delivered_by_status)}"
            f" failed={self.failed}{_detail(self.failed_by_reason)}"
            f" dropped={self.dropped}{_detail(self.dropped_by_reason)} in_flight={self.in_flight}"
            + (f" spooled={self.spooled} recovered={self.recovered}" if self.spool is not None else "")
            + (f" handed_over={self.handed_over} taken_over={self.taken_over}" if self.has_engine else "")
        )


@dataclass(frozen=True, slots=True)
class TunnelStatement:
    """The upgraded connections since the start: their number, how they ended, and their bytes from clients and to
    them. `open` is that of now."""

    opened: int = 0
    ended: dict[str, int] = field(default_factory=dict)
    received: int = 0
    sent: int = 0

    @property
    def open(self) -> int:
        """Those that have not ended."""
        return self.opened - sum(self.ended.values())

    @property
    def lines(self) -> list[str]:
        """The lines of the logged ledger: none if no connection was upgraded."""
        return [str(self)] if self.opened else []

    def __str__(self) -> str:
        return (
            f"upgraded opened={self.opened} open={self.open}{_detail(self.ended)}"
            f" received={self.received} sent={self.sent}"
        )


@dataclass(frozen=True, slots=True)
class PrimaryStatement:
    """A's account: the answers that clients got by status, A's failures and the tee's own refusals by reason.

    A request counts once under `answered_by_status`, also if the answer is the tee's 502 or 504. An answer that breaks
    off in its body counts by its status, and also under `errors_by_reason`. Refused requests did not go to A and are in
    no other count. `share_changes` is how often a worker process's cutoff has changed the share of clones that are
    sent.

    `client_gone` counts requests whose client has gone before its answer was whole. Before the request went to A, it is
    in no other count. Before A's header fields, it is also answered, with 499. During the answer, it is also answered,
    with A's status. `cut_off` counts the requests that were reset at the end of a drain, `unanswered` the clones that
    had no answer then.

    `unobserved` counts outcomes of requests and clones that an error of the tee kept out of the ledger or the log.
    """

    answered_by_status: dict[int, int]
    errors_by_reason: dict[str, int]
    refused_by_reason: dict[str, int]
    latency: Latency
    client_gone: int
    log_dropped: int
    share_changes: int
    cut_off: int = 0
    unanswered: int = 0
    unobserved: int = 0
    tunnels: TunnelStatement = field(default_factory=TunnelStatement)

    @property
    def answered(self) -> int:
        """Requests to A that were answered."""
        return sum(self.answered_by_status.values())

    def __str__(self) -> str:
        errors, refused = sum(self.errors_by_reason.values()), sum(self.refused_by_reason.values())
        return (
            f"A answered={self.answered}{_detail(self.answered_by_status)} errors={errors}"
            f"{_detail(self.errors_by_reason)} refused={refused}{_detail(self.refused_by_reason)}"
            f" client_gone={self.client_gone} log_dropped={self.log_dropped} unobserved={self.unobserved}"
        )


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker process that is alive. `core` is None if it is not pinned, `started` is in seconds since the epoch.

    `share` is the part of the clones that its cutoff lets through, 0.0 to 1.0.
    """

    row: int
    pid: int
    core: int | None
    started: int
    draining: bool
    connections: int
    tunnels: int
    in_flight: int
    waiting: int
    held_bytes: int
    share: float


def mean_share(workers: Sequence[Worker]) -> float:
    """The mean part of the clones that the cutoffs let through; 1.0 if no worker process is alive."""
    return sum(worker.share for worker in workers) / len(workers) if workers else 1.0


def distinct(names: Sequence[str]) -> list[str]:
    """The names, with a number added to each repetition (`b`, `b#2`): two Bs may have the same address."""
    return [
        name if names.index(name) == index else f"{name}#{names[:index].count(name) + 1}"
        for index, name in enumerate(names)
    ]


def _detail(counts: dict[int, int] | dict[str, int]) -> str:
    return f" ({' '.join(f'{key}={count}' for key, count in counts.items())})" if counts else ""
