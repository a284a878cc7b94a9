import subprocess
import sys

import pytest

from httptee.server.memory.heap import Heap, resident

MEGABYTE = 1024 * 1024


class Memory:
    """So much is resident, of which so much is free."""

    def __init__(self, size, free=0):
        self.size, self.free, self.trims = size, free, 0

    def resident(self):
        return self.size

    def give_back(self):
        self.trims += 1
        self.size -= self.free
        self.free = 0


@pytest.fixture
def memory():
    return Memory(40 * MEGABYTE)


@pytest.fixture
def heap(memory):
    return Heap(memory.resident, memory.give_back)


def test_a_little_growth_is_left_alone(heap, memory):
    memory.size += 15 * MEGABYTE
    heap.tick()
    assert not memory.trims


def test_what_is_free_goes_back_once_it_is_enough(heap, memory):
    memory.size += 17 * MEGABYTE
    memory.free = 17 * MEGABYTE
    heap.tick()
    heap.tick()
    assert memory.size == 40 * MEGABYTE
    assert memory.trims == 1


def test_growth_that_is_in_use_is_tried_once_and_not_every_second(heap, memory):
    memory.size += 50 * MEGABYTE
    for _ in range(10):
        heap.tick()
    assert memory.trims == 1


def test_what_was_in_use_at_the_last_trim_goes_back_later(heap, memory):
    memory.size += 50 * MEGABYTE
    heap.tick()
    memory.free = 50 * MEGABYTE
    for _ in range(10):
        heap.tick()
    assert memory.size == 40 * MEGABYTE
    assert memory.trims == 2


def test_growth_counts_from_the_least_there_has_been(heap, memory):
    memory.size = 20 * MEGABYTE
    heap.tick()
    memory.size = 37 * MEGABYTE
    heap.tick()
    assert memory.trims == 1


def test_the_size_is_that_of_this_process():
    assert MEGABYTE < resident() < 4096 * MEGABYTE


def test_holes_in_malloc_are_given_back_to_the_kernel():
    """50 MB in blocks that malloc does not map one by one, every other one freed, and something above all of them."""
    script = """
from httptee.server.memory.heap import Heap, resident
heap = Heap()
before = resident()
blocks = [bytes(20_000) for _ in range(2500)]
for block in range(0, 2500, 2):
    blocks[block] = None
grown = resident() - before
heap.tick()
print(grown, resident() - before)
"""
    grown, left = map(int, subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert grown > 45 * MEGABYTE
    assert left < 32 * MEGABYTE


def test_in_the_process_of_another_program_nothing_is_returned(memory):
    heap = Heap(memory.resident, memory.give_back)
    heap.rest()
    memory.size = 400 * MEGABYTE
    for _ in range(30):
        heap.tick()
    assert memory.trims == 0
