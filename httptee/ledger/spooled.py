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
from pathlib import Path
from time import monotonic_ns

from httptee.ledger.columns import ShadowLine
from httptee.ledger.outliving import outliving_words
from httptee.ledger.shared import shared_words

SLOTS = 256
"""For worker processes that put clones into the spool of a B, from their start until the last of these has left it. If
none is free, one with clones of processes that have ended is shared: what is put there is read behind these. Slot 0 is
for what is found on the disk."""

ADOPTED = 0
"""The slot of what is found on the disk."""

_NAMES = 1 << 16  # bytes for the names of the streams that are found on the disk, twice
_INTENT = 17  # words

SPOOL_GAUGES = (
    "records",
    "bytes",
    "oldest",
    "rate",
    "shrinks",
    "state",
    "set_aside",
    "tick",
    "since",
    "orphans",
    "engine",
    "depth",
    "owned",
)
"""The gauges of the drainer. `bytes` are those of its files. `oldest` and `since` (of the state) are in nanoseconds
since the epoch. `rate` is in thousandths of a clone a second that leave the spool, `shrinks` in thousandths of a clone
a second by which it becomes smaller. `orphans` are streams that another tee may still write. `tick` is when they were
written. With an engine, `engine` is 1 while it answers and 2 while it does not, `depth` what waits in it for all tees,
and `owned` the number of its partitions that this tee sends."""

SPOOL_STATES = ("level", "spooling", "catching up", "held")
"""Nothing is spooled; B takes nothing; B takes what was spooled; the cutoff or an operator holds it back."""

_LOSSES = ("spool_full", "spool_expired", "spool_corrupt", "lost")
TAKEN = SLOTS
"""The slot of the losses of what comes out of an engine."""
_WRITERS = SLOTS + 1
_PLACES = (
    *(ShadowLine.WIDTH,) * 2, *(SLOTS,) * 6, len(SPOOL_GAUGES), 2 * len(_LOSSES) * _WRITERS, _INTENT, 1, 1, 1,
    2 * _NAMES // 8,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loss:
    """Clones that the spool could not keep: the time in which the first and the last of them came, in nanoseconds since
    the epoch."""

    reason: str
    first: int
    last: int


class SpoolWords:
    """The shared memory of the spool of one B. It is mapped before any fork, and a reload keeps it.

    `place` is the directory of the spool until the tee ends. If all processes are killed, the next start of the tee
    finds the words by it. `left` are such words. With neither, the memory is anonymous.
    """

    COUNT = sum(_PLACES)

    def __init__(self, place: str = "", run: str = "", left: memoryview | None = None) -> None:
        self.file: Path | None = None
        """What is to be removed at the end."""
        self.place = place
        if left is not None:
            words = left
        elif place:
            words, self.file = outliving_words(self.COUNT, place, run)
        else:
            words = shared_words(self.COUNT)
        at, places = 0, iter(_PLACES)

        def part() -> memoryview:
            nonlocal at
            start, at = at, at + next(places)
            return words[start:at]

        self.line = part()
        """The line of the drainer."""
        self.taken = part()
        """The line of what comes out of an engine: its outcomes alone say how many clones were taken over."""
        self.put = part()
        """By slot: how many clones have been put into the spool and not dropped again."""
        self.left = part()
        """By slot: how many of those have left the spool."""
        self.deaths = part()
        """By slot: how many processes that wrote to it have ended."""
        self.put_by_dead = part()
        """By slot: how many clones these have put into the spool."""
        self.came = part()
        """By slot: when the last clone came that was put into the spool, in nanoseconds since the epoch."""
        self.stored = part()
        """By slot: when the last clone came that is stored."""
        self._gauges, self._losses = part(), part()
        self.intent = part()
        """What the drainer is about to count: see `spool/counts.py`."""
        self._settles_until, self._remote, self._which = part(), part(), part()
        self._names = part().cast("B")
        self._bases = {ADOPTED: 0}  # of the slots that are in use: what was put into them before

    @property
    def backlog(self) -> bool:
        """Whether B has clones in the spool, or in its engine. Costs 0.4 microseconds."""
        return self._remote[0] != 0 or self.put.tobytes() != self.left.tobytes()

    @property
    def remote(self) -> int:
        """The clones in the engine, of all tees, by the last look; 1 before the first one."""
        return int(self._remote[0])

    @remote.setter
    def remote(self, count: int) -> None:
        self._remote[0] = count

    @property
    def waiting(self) -> int:
        """The clones in the spool and in its engine."""
        return max(0, sum(self.put) - sum(self.left)) + self.remote

    @property
    def gone(self) -> int:
        """The clones that have left the spool: with an engine, those that have left the engine by this tee."""
        line = self.taken if self.gauges()["engine"] else self.line
        return sum(line[: ShadowLine.SEEN])

    @property
    def held(self) -> int:
        """The clones in the spool. What was on the disk before does not count until the drainer has counted it."""
        first = ADOPTED if self.line[ShadowLine.SEEN] else ADOPTED + 1
        return sum(self.put[first:]) - sum(self.left[first:])

    @property
    def not_stored(self) -> tuple[int, int]:
        """When the first and the last clone came, at the most, that are not stored yet. Two zeros if there is none."""
        slots = [
            (self.stored[slot] or came, came)
            for slot, came in enumerate(self.came)
            if came > self.stored[slot] and self.put[slot] != self.left[slot]
        ]
        return min((first for first, _ in slots), default=0), max((last for _, last in slots), default=0)

    @property
    def settling(self) -> bool:
        """Whether the last clones are just leaving the spool, so that those that come are to wait for that."""
        return monotonic_ns() < self._settles_until[0] and self.backlog

    def settle(self, seconds: float) -> None:
        """Have the clones that come wait until the spool is empty, for so long at most."""
        self._settles_until[0] = monotonic_ns() + int(seconds * 1e9)

    def take_slot(self) -> int:
        """A slot for a worker process and those that follow in its row, the one with the fewest clones of ended
        processes; 0 if living processes have all. Call it before the fork."""
        unused = [slot for slot in range(1, SLOTS) if slot not in self._bases]
        if not unused:
            return 0
        found = min(unused, key=lambda slot: self.put[slot] - self.left[slot])
        self._bases[found] = self.put[found]
        return found

    def settle_death(self, slot: int, put: int) -> None:
        """A process that wrote to a slot has ended. Since the slot was taken, `put` clones were put into it."""
        self.put[slot] = self._bases[slot] + put
        self.put_by_dead[slot] = self.put[slot]
        self.deaths[slot] += 1

    def give_back(self, slot: int) -> None:
        """No process will write to a slot any more. Others get it when its last clone has left the spool, or if no
        other slot is free."""
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
        at = 2 * (_LOSSES.index(reason) * _WRITERS + slot)
        words = self._losses
        words[at] = min(words[at] or first, first)
        words[at + 1] = max(words[at + 1], last)

    def losses(self) -> list[Loss]:
        """For each reason, when the first and the last of these clones came."""
        found = []
        words = self._losses.tolist()
        for number, reason in enumerate(_LOSSES):
            own = words[2 * number * _WRITERS : 2 * (number + 1) * _WRITERS]
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
