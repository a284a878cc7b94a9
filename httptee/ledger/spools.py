"""The spools of all Bs, and the places of the worker processes in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import time_ns

from httptee.ledger.columns import ShadowLine
from httptee.ledger.outliving import forget
from httptee.ledger.spooled import SPOOL_STATES, Loss, SpoolWords

_ENGINE = ("", "up", "down")


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

    def put(self, count: int, came: int = 0) -> None:
        """Count clones that were put into the spool, and when the last one came; a negative count for those that were
        dropped again."""
        words, slot = self.words, self.slot
        words.put[slot] += count
        if came:
            waits = words.stored[slot] < words.came[slot]
            words.stored[slot] = min(words.stored[slot], came - 1) if waits else came - 1
            words.came[slot] = max(words.came[slot], came) if waits else came

    def stored(self, came: int, *, everything: bool) -> None:
        """Note that all are stored that came up to this time, or `everything`."""
        self.words.stored[self.slot] = self.words.came[self.slot] if everything else came

    def lose(self, first: int, last: int) -> None:
        """Note when clones came that were dropped as `spool_full`."""
        self.words.lose("spool_full", self.slot, first or time_ns(), last or time_ns())


@dataclass(frozen=True, slots=True)
class Spooled:
    """What the spool of one B holds, for a reader. `engine` is empty without one, `up` or `down`."""

    state: str
    since: float
    bytes: int
    oldest: float
    rate: float
    shrinks: float
    set_aside: int
    orphans: int
    losses: tuple[Loss, ...]
    drained: bool
    engine: str = ""
    depth: int = 0
    owned: int = 0

    @classmethod
    def of(cls, words: SpoolWords, now: int) -> Spooled:
        """The gauges at a moment, in nanoseconds since the epoch."""
        gauges = words.gauges()
        oldest = min(filter(None, (gauges["oldest"], words.not_stored[0])), default=0)
        return cls(
            state=SPOOL_STATES[gauges["state"] % len(SPOOL_STATES)],
            since=gauges["since"] / 1e9,
            bytes=gauges["bytes"],
            oldest=max(0, now - oldest) / 1e9 if oldest else 0.0,
            rate=gauges["rate"] / 1000,
            shrinks=gauges["shrinks"] / 1000,
            set_aside=gauges["set_aside"],
            orphans=gauges["orphans"],
            losses=tuple(words.losses()),
            drained=now - gauges["tick"] < 5e9,
            engine=_ENGINE[gauges["engine"] % len(_ENGINE)],
            depth=gauges["depth"],
            owned=gauges["owned"],
        )


class Spools:
    """The spools of one ledger. `by_name` has the shared memory of each B's spool; a reload keeps it."""

    def __init__(self, earlier: Spools | None = None) -> None:
        self.by_name: dict[str, SpoolWords] = earlier.by_name if earlier else {}
        self.run: str = earlier.run if earlier else ""
        """The name of this start of the tee in the names of the files."""
        self.outbox: str = earlier.outbox if earlier else ""
        """A directory of this start of the tee for what waits for an engine, if it has one."""
        self._desks: dict[tuple[int, int], SpoolDesk] = {}

    def give_desks(self, names: Sequence[str], rows: int, spooled: Mapping[str, str]) -> None:
        """Give each worker process a desk at the spools of these Bs, by their directories. Call it once, before the
        first fork. A B that had a spool before keeps its directory: what is there would be nobody's otherwise."""
        for number, name in enumerate(names):
            if name in spooled:
                words = self.by_name.get(name) or SpoolWords(spooled[name], self.run)
                self.by_name[name] = words
                for row in range(rows):
                    if slot := words.take_slot():
                        self._desks[row, number] = SpoolDesk(words, slot)

    def desk(self, row: int, number: int) -> SpoolDesk | None:
        """A worker process's desk at the spool of a B, by the B's number; None if it has none."""
        return self._desks.get((row, number))

    def settle_death(self, row: int, number: int, put: int) -> None:
        """A worker process has ended that had put this many clones into the spool of a B, with those before it."""
        if desk := self._desks.get((row, number)):
            desk.words.settle_death(desk.slot, put)

    def give_back(self) -> None:
        """No process will use the desks any more."""
        for desk in self._desks.values():
            desk.words.give_back(desk.slot)
        self._desks.clear()

    def end(self) -> None:
        """The tee ends, and has counted everything."""
        for words in self.by_name.values():
            forget(words.file)

    def read(self, name: str) -> tuple[list[int], list[int], Spooled | None]:
        """The line of the drainer, that of what was taken over, and what the spool of a B holds."""
        words = self.by_name.get(name)
        if words is None:
            return [0] * ShadowLine.WIDTH, [0] * ShadowLine.WIDTH, None
        taken = words.taken.tolist()
        taken[ShadowLine.SEEN] = sum(taken[: ShadowLine.SEEN])
        return words.line.tolist(), taken, Spooled.of(words, time_ns())
