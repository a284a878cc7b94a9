"""The numbers of an outbox, and its last batch."""

import errno
import os

import pytest

from httptee.spool.engine import numbers as module
from httptee.spool.engine.numbers import FILE, Numbers, Planned, began, named


def plan(*given):
    return tuple(Planned("s", number, partition, number) for partition, number in given)


def test_what_was_saved_is_there_after_a_kill(tmp_path):
    first = Numbers(tmp_path, "t", 3)
    assert first.next([0, 1, 0]) == [1, 1, 2]
    first.save(plan((0, 1), (1, 1), (0, 2)))
    again = Numbers(tmp_path, "t", 3)
    assert (again.writer, again.plan) == (first.writer, first.plan)
    assert again.next([0, 1, 2]) == [3, 2, 1]
    for each in (first, again, again):
        each.close()


def test_numbers_that_were_not_saved_are_given_again(tmp_path):
    numbers = Numbers(tmp_path, "t", 1)
    assert numbers.next([0, 0]) == numbers.next([0, 0]) == [1, 2]
    numbers.close()


def test_a_torn_write_leaves_the_batch_before(tmp_path):
    first = Numbers(tmp_path, "t", 1)
    first.save(plan((0, 1)))
    first.save(plan((0, 2)))
    first.close()
    with open(tmp_path / FILE, "r+b") as file:
        file.write(b"\xff" * 40)  # the slot of the second one
    again = Numbers(tmp_path, "t", 1)
    assert [each.number for each in again.plan] == [1]
    assert again.next([0]) == [2]
    again.close()


@pytest.mark.parametrize(("topic", "partitions"), [("another", 1), ("t", 2)])
def test_another_topic_has_another_writer(tmp_path, topic, partitions):
    first = Numbers(tmp_path, "t", 1)
    first.save(plan((0, 1)))
    again = Numbers(tmp_path, topic, partitions)
    assert again.writer != first.writer
    assert (again.plan, again.next([0])) == ((), [1])
    for each in (first, again):
        each.close()


def test_a_disk_without_room_for_the_file_is_an_error_that_can_be_tried_again(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        Numbers(tmp_path, "t", 1)
    monkeypatch.undo()
    numbers = Numbers(tmp_path, "t", 1)
    assert repr(numbers) == f"<Numbers of {numbers.writer}>"
    numbers.close()


def test_the_name_of_a_writer_says_when_its_first_clone_came(tmp_path):
    stamp = 1_795_799_136_483_177_445
    numbers = Numbers(tmp_path, "t", 1)
    numbers.begin(stamp)
    assert 0 <= stamp - began(numbers.writer) < 1_000_000_000
    numbers.save(plan((0, 1)))
    numbers.begin(stamp + 10**12)
    assert began(numbers.writer) < stamp
    numbers.close()
    assert began("another") == 0
    assert named(stamp) != named(stamp)
