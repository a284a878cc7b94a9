"""Numbers that all processes of a tee share: they are mapped before the fork, so every forked process has them."""

from __future__ import annotations

import mmap

_WORD = 8


def shared_words(count: int) -> memoryview:
    """`count` unsigned 64-bit words, all zero, in anonymous memory that forked processes share."""
    return memoryview(mmap.mmap(-1, max(1, count) * _WORD)).cast("Q")


def shared_numbers(count: int) -> list[memoryview[float]]:
    """`count` views of one float each, all 0.0, in anonymous memory that forked processes share."""
    memory = memoryview(mmap.mmap(-1, max(1, count) * _WORD)).cast("d")
    return [memory[index : index + 1] for index in range(count)]
