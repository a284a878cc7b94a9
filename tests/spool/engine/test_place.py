"""What is known of one partition: each message counts once, whoever owns the partition."""

import json

import pytest

from httptee.journal.engines import Entry, Message
from httptee.spool.engine.place import LOST, Gap, Place, counts_in, gap_in, lows_in


def entry(number, writer="w", stamp=0):
    return Entry(Message(0, writer, number, stamp or 1000 + number, b""), f"{number:04d}-0")


def a_place(state=None, run="one"):
    return Place(0, run, state)


def take(place, *numbers):
    return [place.take(entry(number))[0] for number in numbers]


def test_the_place_is_before_the_first_message_that_is_not_settled():
    place = a_place()
    first, second, third = take(place, 1, 2, 3)
    place.settle(second, "delivered 204")
    assert place.after == ""
    place.settle(first, "delivered 204")
    assert place.after == "0002-0"
    place.settle(third, "delivered 204")
    assert (place.after, place.counted) == ("0003-0", {"delivered 204": 3})


def test_the_next_owner_skips_what_was_settled_out_of_turn():
    place = a_place()
    _, second, _ = take(place, 1, 2, 3)
    place.settle(second, "delivered 204")
    after = a_place(place.packed(), "two")
    first, again, third = take(after, 1, 2, 3)
    assert again is None
    after.settle(first, "delivered 204")
    after.settle(third, "failed lost")
    assert after.after == "0003-0"
    assert counts_in(after.packed()) == {"one": {"delivered 204": 1}, "two": {"delivered 204": 1, "failed lost": 1}}


def test_what_comes_twice_is_passed_over():
    place = a_place()
    (first,) = take(place, 1)
    place.settle(first, "delivered 204")
    assert place.take(Entry(Message(0, "w", 1, 1001, b""), "0009-0")) == (None, None)
    assert (place.after, place.counted) == ("0009-0", {"delivered 204": 1})


def test_what_is_missing_is_counted_once_with_its_interval_by_whoever_owns_the_partition():
    place = a_place()
    (first,) = take(place, 1)
    item, gap = place.take(entry(5))
    assert gap == Gap(3, 1001, 1005)
    again = a_place(place.packed(), "two")
    first, last = take(again, 1, 5)
    for each in (first, last):
        again.settle(each, "delivered 204")
    assert counts_in(again.packed()) == {"one": {LOST: 3}, "two": {"delivered 204": 2}}
    assert gap_in(again.packed()) == Gap(3, 1001, 1005)
    assert lows_in(again.packed()) == {"w": 5}
    assert item is not None


def test_a_report_of_what_is_missing_counts_only_what_was_not_counted():
    place = a_place()
    take(place, 1)
    assert not place.reaches("w", 5)
    assert place.reaches("w", 2)
    assert place.miss("w", 2, 4, 0, 9) == Gap(3, 9, 9)
    assert place.miss("w", 2, 4, 0, 9) is None
    assert place.take(entry(5))[1] is None
    assert place.counted == {LOST: 3}


def test_poison_counts_before_it_is_set_aside_and_is_set_aside_by_the_next_owner_if_need_be():
    place = a_place()
    (first,) = take(place, 1)
    place.settle(first, "failed poison", "500")
    assert place.after == ""
    killed = place.packed()
    place.was_set_aside(first)
    assert (place.after, place.poisoned()) == ("0001-0", [])
    again = a_place(killed, "two")
    assert take(again, 1) == [None]
    (item,) = again.poisoned()
    assert item.poisoned == "500"
    again.was_set_aside(item)
    assert (again.after, again.counted) == ("0001-0", {})
    assert json.loads(again.packed())["aside"] == {}


def test_one_that_is_gone_counts_nothing():
    place = a_place()
    (first,) = take(place, 1)
    place.gone = True
    place.settle(first, "delivered 204")
    assert place.counted == {}


def test_the_counts_of_old_runs_are_put_together():
    state = None
    for run in range(300):
        place = a_place(state, f"run{run}")
        (item,) = take(place, run + 1)
        place.settle(item, "delivered 204")
        state = place.packed()
    counts = counts_in(state)
    assert len(counts) < 210
    assert sum(each["delivered 204"] for each in counts.values()) == 300
    assert "run299" in counts


def test_a_state_of_another_version_is_refused():
    with pytest.raises(ValueError, match="another version"):
        a_place(b'{"format": 99}')
    with pytest.raises(ValueError, match="another version"):
        a_place(b"no state")


def test_it_says_what_it_holds():
    place = a_place()
    _, second = take(place, 1, 2)
    place.settle(second, "delivered 204")
    assert repr(place) == "<Place 0 [2 read, 1 settled beyond]>"
    assert not place.full
