"""The places of worker processes in the spools, over many reloads."""

import pytest

from httptee.ledger.ledger import Ledger
from httptee.ledger.spooled import SLOTS, SpoolWords
from httptee.ledger.spools import Spooled


def reloaded(earlier, rows):
    """The ledger of new worker processes beside the old ones."""
    ledger = Ledger(["b"], rows, earlier.history if earlier else ())
    ledger.spools.give_desks(["b"], rows, {"b": ""})
    return ledger


def end(ledger, rows, put):
    """Each worker process has put clones into the spool, and has ended."""
    for row in range(rows):
        ledger.spools.settle_death(row, 0, put)
    ledger.finished = True
    ledger.spools.give_back()


def test_every_worker_process_has_a_desk_after_many_reloads_in_one_outage():
    rows, earlier = 16, None
    for _ in range(3 * SLOTS // rows):
        ledger = reloaded(earlier, rows)
        desks = [ledger.spools.desk(row, 0) for row in range(rows)]
        assert all(desks)
        assert len({(desk.slot, desk.number) for desk in desks}) == rows
        for desk in desks:
            desk.put(2)
        if earlier is not None:
            end(earlier, rows, 2)
        earlier = ledger
    words = ledger.spools.by_name["b"]
    assert sum(words.put) == 3 * SLOTS // rows * rows * 2
    for slot in range(1, SLOTS):  # a process that shares a slot has a number and a base of its own
        deaths, put = words.dead(slot)
        assert put == 2 * deaths


def test_a_slot_with_a_backlog_is_shared_only_if_no_other_is_free():
    words = SpoolWords()
    taken = [words.take_slot() for _ in range(SLOTS - 1)]
    assert sorted(taken) == list(range(1, SLOTS))
    assert words.take_slot() == 0
    for slot, count in ((7, 5), (8, 1), (9, 0)):
        words.put[slot] = count
        words.settle_death(slot, count)
        words.give_back(slot)
    assert [words.take_slot() for _ in range(3)] == [9, 8, 7]
    words.settle_death(7, 3)
    assert words.dead(7) == (2, 8)


def oldest(words, now):
    return Spooled.of(words, now).oldest


def test_clones_that_wait_in_memory_only_have_an_age():
    second = 1_000_000_000
    words = reloaded(None, 1).spools
    desk, words = words.desk(0, 0), words.by_name["b"]
    assert oldest(words, 100 * second) == 0.0
    desk.put(1, 10 * second)
    desk.put(1, 20 * second)
    assert oldest(words, 100 * second) == pytest.approx(90.0)
    desk.stored(10 * second, everything=False)
    assert oldest(words, 100 * second) <= 90.0
    desk.stored(20 * second, everything=True)
    assert oldest(words, 100 * second) == 0.0
    desk.put(1, 70 * second)  # long after the last one
    assert oldest(words, 100 * second) == pytest.approx(30.0)
    desk.put(1, 60 * second)  # one that was sent before
    assert oldest(words, 100 * second) == pytest.approx(40.0)
    words.publish(oldest=50 * second)
    assert oldest(words, 100 * second) == pytest.approx(50.0)
    words.publish(oldest=0)
    words.left[desk.slot] = words.put[desk.slot]  # a process was killed, and this is lost
    assert oldest(words, 100 * second) == 0.0
