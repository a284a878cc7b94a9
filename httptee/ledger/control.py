"""What the operator has ordered while the tee runs, and what the supervisor has done: words in shared memory.

Orders are not in the configuration. The worker processes read the words of a B without a lock; only the process of the
control socket writes them. They outlive every worker process and every reload, and end with the tee. What the
supervisor writes, the admin process reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import time
from typing import TypeVar

from httptee.ledger.shared import shared_words

Key = TypeVar("Key")

COMMANDS: tuple[str, ...] = ("status", "pause", "resume", "percent", "reload", "log-level")
"""What `httptee ctl` can order: the closed set."""

RESULTS: tuple[str, ...] = ("done", "refused")
"""What became of a command, and of a reload."""

SIDES: tuple[str, ...] = ("admin", "control")
"""What processes beside the worker processes serve."""

_MILLIONTHS = 10**6


class Orders:
    """`<Orders paused, 20 percent>`: what was ordered for one B. Without an order, what its line says is in force.

    Where several tees share the rate of a B, `rate_part` is what they have agreed on.
    """

    def __init__(self) -> None:
        self._words = shared_words(3)

    def __repr__(self) -> str:
        percent = "" if self.percent is None else f"{self.percent:g} percent"
        return f"<Orders {', '.join(filter(None, ('paused' if self.paused else '', percent))) or 'none'}>"

    @property
    def paused(self) -> bool:
        """Whether B gets nothing. Read for each request."""
        return self._words[0] != 0

    @paused.setter
    def paused(self, value: bool) -> None:
        self._words[0] = int(value)

    @property
    def percent(self) -> float | None:
        """The share that was ordered in place of that of the line, or None. Read for each request."""
        word = self._words[1]
        return (word - 1) / _MILLIONTHS if word else None

    @percent.setter
    def percent(self, value: float | None) -> None:
        self._words[1] = 0 if value is None else round(value * _MILLIONTHS) + 1

    @property
    def rate_part(self) -> float | None:
        """The part of the rate for this tee, above 0.0 and up to 1.0; None: the rate is not shared."""
        word = self._words[2]
        return word / _MILLIONTHS if word else None

    @rate_part.setter
    def rate_part(self, value: float | None) -> None:
        self._words[2] = 0 if value is None else max(1, round(value * _MILLIONTHS))

    def part(self) -> float:
        """The part of the rate that is in force. Read for each request that needs a token."""
        return (self._words[2] or _MILLIONTHS) / _MILLIONTHS


def continued(backends: Sequence[Key], known: Mapping[Key, Orders]) -> tuple[Orders, ...]:
    """The orders for these Bs: those that are known, and new ones."""
    return tuple(known.get(backend) or Orders() for backend in backends)


class Control:
    """The level of the log that was ordered, the counts of commands, and the outcome of the reloads.

    Each word has one writer: the process of the control socket, or the supervisor.
    """

    def __init__(self) -> None:
        self._level = shared_words(1)
        self._commands = shared_words(len(COMMANDS) * len(RESULTS))
        self._reloads = shared_words(len(RESULTS) + 2)  # the counts; whether the last one was refused; its time
        self._certificate = shared_words(1)
        self._pids = shared_words(len(SIDES))

    @property
    def level(self) -> int:
        """The level of the tee's own log that was ordered, as in `logging`; 0: as the option `-debug` says."""
        return self._level[0]

    @level.setter
    def level(self, value: int) -> None:
        self._level[0] = value

    def count(self, command: str, result: str) -> None:
        """Count a command of the operator."""
        self._commands[COMMANDS.index(command) * len(RESULTS) + RESULTS.index(result)] += 1

    @property
    def commands(self) -> dict[tuple[str, str], int]:
        """The counts of each command, by result."""
        keys = [(command, result) for command in COMMANDS for result in RESULTS]
        return dict(zip(keys, self._commands, strict=True))

    def reloaded(self, done: bool) -> None:
        """Note the end of a reload. Otherwise than `done`, it has changed nothing."""
        words = self._reloads
        words[RESULTS.index("done" if done else "refused")] += 1
        words[len(RESULTS)] = int(not done)
        words[len(RESULTS) + 1] = round(time() * 1000)

    @property
    def reloads(self) -> dict[str, int]:
        """The counts of reloads, by result."""
        return dict(zip(RESULTS, self._reloads, strict=False))

    @property
    def last_reload(self) -> tuple[float, bool] | None:
        """When the last reload ended, in seconds since the epoch, and whether it was done; None before the first."""
        _, _, refused, at = self._reloads
        return (at / 1000, not refused) if at else None

    def serves(self, side: str, pid: int) -> None:
        """Note the process that serves one of `SIDES`."""
        self._pids[SIDES.index(side)] = pid

    @property
    def sides(self) -> dict[int, str]:
        """What each process beside the worker processes serves, by its pid."""
        return {pid: side for side, pid in zip(SIDES, self._pids, strict=True) if pid}

    @property
    def certificate_ends(self) -> int | None:
        """The end of the certificate for clients, in seconds since the epoch; None without one."""
        return self._certificate[0] or None

    @certificate_ends.setter
    def certificate_ends(self, value: int | None) -> None:
        self._certificate[0] = value or 0
