"""What the numbers of the writers say: what came twice, and what never came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """The last message of a writer in a partition: its number and its stamp in nanoseconds."""

    number: int = 0
    stamp: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """Messages that were in a topic, and that no reader of this group will get: those of one writer in one partition
    with the numbers from `first` to `last`. They were written between the stamps `since` (0: unknown) and `until`."""

    partition: int
    writer: str
    first: int
    last: int
    since: int
    until: int

    @property
    def count(self) -> int:
        """How many."""
        return self.last - self.first + 1


class Numbers:
    """The last number of each writer in one partition."""

    def __init__(self, partition: int, marks: Mapping[str, Mark] | None = None) -> None:
        self._partition = partition
        self._marks = dict(marks or {})

    def is_new(self, writer: str, number: int) -> bool:
        """Whether this is no repetition."""
        return number > self._marks.get(writer, _NONE).number

    def follows(self, writer: str, number: int) -> bool:
        """Whether this is the one after the last."""
        return number == self._marks.get(writer, _NONE).number + 1

    def note(self, writer: str, mark: Mark, gone: Mapping[str, Mark] | None = None) -> Missing | None:
        """Take a message in. What is missing before it, but for what is known to be `gone`: counted elsewhere."""
        before = self._before(writer, gone)
        if mark.number > self._marks.get(writer, _NONE).number:
            self._marks[writer] = mark
        if mark.number <= before.number + 1:
            return None
        return Missing(self._partition, writer, before.number + 1, mark.number - 1, before.stamp, mark.stamp)

    def end(self, writer: str, mark: Mark, gone: Mapping[str, Mark] | None = None) -> Missing | None:
        """Take in what a writer wrote last, where nothing is left to read. What is missing up to it, and it, too."""
        before = self._before(writer, gone)
        if mark.number <= before.number:
            return None
        self._marks[writer] = mark
        return Missing(self._partition, writer, before.number + 1, mark.number, before.stamp, mark.stamp)

    def _before(self, writer: str, gone: Mapping[str, Mark] | None) -> Mark:
        return max(self._marks.get(writer, _NONE), (gone or {}).get(writer, _NONE), key=lambda mark: mark.number)


_NONE = Mark()
