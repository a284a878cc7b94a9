"""What the processes of a tee share about the spool of one B.

A clone that a worker process puts into the spool is counted once in that process's line, and once more when it has left
the spool: by the worker process as `spool_full`, or by the drainer in a line of its own. So what is spooled is always
the difference, and each of these counts is one word.

A worker process also says in a slot how many clones it has put into the spool, and the drainer how many of them have
left it. While the two differ in any slot, B has a backlog. Each word has one writer, so no lock is needed between
processes: a clone that comes after another one has been put into the spool sees that it is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic_ns, time_ns

from httptee.ledger.columns import ShadowLine
from httptee.ledger.shared import shared_words

SLOTS = 64
"""Worker processes that may put clones into the spool of a B, from their start until the last of these has left it.
Slot 0 is for what is found on the disk."""

ADOPTED = 0
"""The slot of what is found on the disk."""

_NAMES = 1 << 16  # bytes for the names of the streams that are found on the disk, twice
_INTENT = 16  # words

SPOOL_GAUGES = (
    "records",
    "bytes",
    "oldest",
    "rate",
    "state",
    "set_aside",
    "tick",
    "since",
    "orphans",
)
"""The gauges of the drainer. `bytes` are those of its files. `oldest` and `since` (of the state) are in nanoseconds
since the epoch. `rate` is in thousandths of a clone a second. `tick` is when they were written."""

SPOOL_STATES = ("level", "spooling", "catching up", "held")
"""Nothing is spooled; B takes nothing; B takes what was spooled; the cutoff or an operator holds it back."""

_LOSSES = ("spool_full", "spool_expired", "spool_corrupt")


@dataclass(frozen=True, slots=True)
class Loss:
    """Clones that the spool could not keep: the time in which the first and the last of them came, in nanoseconds since
    the epoch."""

    reason: str
    first: int
    last: int


class SpoolWords:
    """The shared memory of the spool of one B. It is mapped before any fork, and a reload keeps it."""

    def __init__(self) -> None:
        width, gauges, losses = ShadowLine.WIDTH, len(SPOOL_GAUGES), 2 * len(_LOSSES) * SLOTS
        words = shared_words(width + 4 * SLOTS + gauges + losses + _INTENT + 2 + 2 * _NAMES // 8)
        places = iter((width, *(SLOTS,) * 4, gauges, losses, _INTENT, 1, 1, 2 * _NAMES // 8))
        at = 0

        def part() -> memoryview:
            nonlocal at
            start, at = at, at + next(places)
            return words[start:at]

        self.line = part()
        """The line of the drainer."""
        self.put = part()
        """By slot: how many clones have been put into the spool and not dropped again."""
        self.left = part()
        """By slot: how many of those have left the spool."""
        self.deaths = part()
        """By slot: how many processes that wrote to it have ended."""
        self.put_by_dead = part()
        """By slot: how many clones these have put into the spool."""
        self._gauges = part()
        self._losses = part()
        self.intent = part()
        """What the drainer is about to count: see `spool/counts.py`."""
        self._settles_until = part()
        self._which = part()
        self._names = part().cast("B")
        self._bases = {ADOPTED: 0}  # of the slots that are in use: what was put into them before

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool. Costs 0.2 microseconds."""
        return self.put.tobytes() != self.left.tobytes()

    @property
    def settling(self) -> bool:
        """Whether the last clones are just leaving the spool, so that those that come are to wait for that."""
        return monotonic_ns() < self._settles_until[0] and self.backlog

    def settle(self, seconds: float) -> None:
        """Have the clones that come wait until the spool is empty, for so long at most."""
        self._settles_until[0] = monotonic_ns() + int(seconds * 1e9)

    def take_slot(self) -> int:
        """A slot for a worker process and those that follow in its row, or 0 if none is free. Call it before the
        fork."""
        for slot in range(1, SLOTS):
            if slot not in self._bases and self.put[slot] == self.left[slot]:
                self._bases[slot] = self.put[slot]
                return slot
        return 0

    def settle_death(self, slot: int, put: int) -> None:
        """A process that wrote to a slot has ended. Since the slot was taken, `put` clones were put into it."""
        self.put[slot] = self._bases[slot] + put
        self.put_by_dead[slot] = self.put[slot]
        self.deaths[slot] += 1

    def give_back(self, slot: int) -> None:
        """No process will write to a slot any more. It is free when its last clone has left the spool."""
        self._bases.pop(slot, None)

    def dead(self, slot: int) -> tuple[int, int]:
        """How many processes of a slot have ended, and how many clones they have put into the spool."""
        while True:
            deaths, put = self.deaths[slot], self.put_by_dead[slot]
            if deaths == self.deaths[slot]:
                return deaths, put

    def publish(self, **gauges: int) -> None:
        """Set gauges, by name."""
        for name, value in gauges.items():
            self._gauges[SPOOL_GAUGES.index(name)] = value

    def gauges(self) -> dict[str, int]:
        """All gauges, by name."""
        return dict(zip(SPOOL_GAUGES, self._gauges.tolist(), strict=True))

    def lose(self, reason: str, slot: int, first: int, last: int) -> None:
        """Note when the first and the last clone came that the spool could not keep. A slot has one writer."""
        at = 2 * (_LOSSES.index(reason) * SLOTS + slot)
        words = self._losses
        words[at] = min(words[at] or first, first)
        words[at + 1] = max(words[at + 1], last)

    def losses(self) -> list[Loss]:
        """For each reason, when the first and the last of these clones came."""
        found = []
        words = self._losses.tolist()
        for number, reason in enumerate(_LOSSES):
            own = words[2 * number * SLOTS : 2 * (number + 1) * SLOTS]
            if any(own):
                found.append(Loss(reason, min(filter(None, own[::2])), max(own[1::2])))
        return found

    @property
    def names(self) -> bytes:
        """What `store` has stored last, or nothing."""
        at = (self._which[0] & 1) * _NAMES
        length = int.from_bytes(self._names[at : at + 8], "little")
        return bytes(self._names[at + 8 : at + 8 + length])

    def store(self, names: bytes) -> bool:
        """Store what the drainer needs again if it is replaced: all of it, or nothing. False if it is too long."""
        if len(names) > _NAMES - 8:
            return False
        at = ((self._which[0] + 1) & 1) * _NAMES
        self._names[at + 8 : at + 8 + len(names)] = names
        self._names[at : at + 8] = len(names).to_bytes(8, "little")
        self._which[0] += 1
        return True


class SpoolDesk:
    """One worker process's place in the spool of one B: its slot, and how many processes had it before."""

    def __init__(self, words: SpoolWords, slot: int) -> None:
        self.words = words
        self.slot = slot

    @property
    def number(self) -> int:
        """The number of this process in its slot, from 1."""
        return int(self.words.deaths[self.slot]) + 1

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool."""
        return self.words.backlog

    @property
    def settling(self) -> bool:
        """Whether clones that come are to wait for the last ones in the spool."""
        return self.words.settling

    def put(self, count: int) -> None:
        """Count clones that were put into the spool; a negative count for those that were dropped again."""
        self.words.put[self.slot] += count

    def lose(self, first: int, last: int) -> None:
        """Note when clones came that were dropped as `spool_full`."""
        self.words.lose("spool_full", self.slot, first or time_ns(), last or time_ns())


@dataclass(frozen=True, slots=True)
class Spooled:
    """What the spool of one B holds, for a reader."""

    state: str
    since: float
    bytes: int
    oldest: float
    rate: float
    set_aside: int
    losses: tuple[Loss, ...]
    drained: bool

    @classmethod
    def of(cls, words: SpoolWords, now: int) -> Spooled:
        """The gauges at a moment, in nanoseconds since the epoch."""
        gauges = words.gauges()
        return cls(
            state=SPOOL_STATES[gauges["state"] % len(SPOOL_STATES)],
            since=gauges["since"] / 1e9,
            bytes=gauges["bytes"],
            oldest=max(0, now - gauges["oldest"]) / 1e9 if gauges["oldest"] else 0.0,
            rate=gauges["rate"] / 1000,
            set_aside=gauges["set_aside"],
            losses=tuple(words.losses()),
            drained=now - gauges["tick"] < 5e9,
        )
