"""Numbers that all processes of a tee share: they are mapped before the fork, so every forked process has them."""

from __future__ import annotations

import mmap
from typing import Protocol

WORD = 8


def shared_words(count: int) -> memoryview:
    """`count` unsigned 64-bit words, all zero, in anonymous memory that forked processes share."""
    return memoryview(mmap.mmap(-1, max(1, count) * WORD)).cast("Q")


def shared_numbers(count: int) -> list[memoryview[float]]:
    """`count` views of one float each, all 0.0, in anonymous memory that forked processes share."""
    return as_numbers(shared_words(count))[:count]


def as_numbers(words: memoryview) -> list[memoryview[float]]:
    """A view of one float for each word."""
    memory = words.cast("B").cast("d")
    return [memory[index : index + 1] for index in range(len(memory))]


class Memory(Protocol):
    """Where a ledger has its words. Every ledger asks for the same ones in the same order."""

    def common(self, count: int) -> memoryview:
        """`count` words for the state of the Bs and of A, which the ledgers of several processes may share."""

    def own(self, count: int) -> memoryview:
        """`count` words for what the processes of this ledger count."""


class Anonymous:
    """Memory that forked processes share, and that no other ledger has."""

    def common(self, count: int) -> memoryview:
        """`count` words."""
        return shared_words(count)

    own = common
