"""The end of a tee, or of its old worker processes after a reload: its signals, and what the log says of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic

from httptee.ledger import Ledger
from httptee.settings import Settings

logger = logging.getLogger(__name__)

_SAME = 1.0  # seconds


class StopSignals:
    """Tells the first SIGTERM or SIGINT from a second one, which ends the tee at once.

    A supervisor such as `timeout` or systemd may send a signal to the process and another to its group. So signals
    within a second of the first one are the same order to end.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._first: float | None = None

    def is_second(self) -> bool:
        """Call it once for each signal. Returns whether it is a second order to end."""
        now = self._clock()
        if self._first is None:
            self._first = now
        return now - self._first >= _SAME


class Drain:
    """What is waited for from now on, and afterwards what was cut off. Gauges are up to a second old."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = monotonic) -> None:
        self._ledger = ledger
        self._clock = clock
        self._began = clock()
        self._before = _cut_off(ledger)

    def waits_for(self) -> str:
        """`12 connections, 3 requests and 40 clones in flight`."""
        workers = self._ledger.workers()
        tunnels = self._ledger.primary().tunnels.open
        return (
            f"{_counted(sum(worker.connections for worker in workers), 'connection')}, "
            f"{_counted(tunnels, 'upgraded connection') + ', ' if tunnels else ''}"
            f"{_counted(sum(worker.in_flight for worker in workers), 'request')} and "
            f"{_counted(sum(each.in_flight for each in self._ledger.statements()), 'clone')} in flight"
        )

    def result(self, killed: int = 0) -> str:
        """`0.4 s; nothing was cut off`, or what was. `killed` is the number of worker processes that were killed."""
        after = _cut_off(self._ledger)
        requests, tunnels, *clones = (max(0, after[key] - self._before[key]) for key in after)
        parts = [_counted(requests, "request")] if requests else []
        parts += [_counted(tunnels, "upgraded connection")] if tunnels else []
        if any(clones):
            reasons = " ".join(f"{key}={count}" for key, count in zip(list(after)[2:], clones, strict=True) if count)
            parts.append(f"{_counted(sum(clones), 'clone')} ({reasons})")
        if killed:
            parts.append(f"{_counted(killed, 'worker process', 'es')} killed")
        said = f"cut off: {', '.join(parts)}" if parts else "nothing was cut off"
        return f"{self._clock() - self._began:.1f} s; {said}"


def begin_drain(ledger: Ledger, settings: Settings) -> Drain:
    """The drain at the end of the tee. Logs what is waited for, and how long at most."""
    drain = Drain(ledger)
    logger.info("draining, for at most %.1f s: %s", settings.drain_timeout, drain.waits_for())
    return drain


def _cut_off(ledger: Ledger) -> dict[str, int]:
    """Requests and upgraded connections that were cut off, then clones by reason. Of the timeouts, only those of clones
    without an answer at the end of a drain count."""
    primary, statements = ledger.primary(), ledger.statements()
    return {
        "requests": primary.cut_off,
        "tunnels": primary.tunnels.ended.get("closing", 0),
        "closing": sum(each.dropped_by_reason.get("closing", 0) for each in statements),
        "timeout": primary.unanswered,
        "lost": sum(each.failed_by_reason.get("lost", 0) for each in statements),
    }


def _counted(count: int, what: str, plural: str = "s") -> str:
    return f"{count} {what}{'' if count == 1 else plural}"
