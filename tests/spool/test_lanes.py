"""What was read and is not settled yet."""

from httptee.spool.entry import Entry
from httptee.spool.lanes import Lanes
from httptee.spool.record import decode, encode

from .spools import a_request


def entry(number):
    return Entry(None, number, number, None)


def heads(lanes, now=0.0):
    found = []
    while (lane := lanes.next(now)) is not None:
        found.append((lane.key, lane.head.sequence, lane))
    return found


def test_only_the_first_of_each_lane_is_in_flight():
    lanes = Lanes()
    for number, key in enumerate("aabab"):
        lanes.add(key, entry(number))
    (a, b) = heads(lanes)
    assert [a[:2], b[:2]] == [("a", 0), ("b", 2)]
    lanes.done(a[2])
    assert [one[:2] for one in heads(lanes)] == [("a", 1)]
    assert repr(lanes) == "<Lanes [4 clones in 2 lanes]>"


def test_a_lane_waits_for_its_next_attempt():
    lanes = Lanes()
    lanes.add("a", entry(1))
    (one,) = heads(lanes)
    lanes.again(one[2], at=5.0)
    assert not heads(lanes, now=4.9)
    assert heads(lanes, now=5.0)[0][1] == 1


def test_what_is_withdrawn_is_not_sent():
    lanes = Lanes()
    lanes.add("a", entry(1))
    lanes.add("a", entry(2))
    (one,) = heads(lanes)
    lanes.again(one[2], at=5.0)
    lanes.withdraw(one[2])
    assert [each[1] for each in heads(lanes)] == [2]


def late(number):
    return Entry(None, 100 + number, number, decode(encode(a_request(number), "a", late=True)))


def test_a_late_clone_comes_before_those_that_came_after_it():
    lanes = Lanes()
    for number in (1, 3, 4):
        lanes.add("a", entry(number))
    lanes.add("a", late(2))
    lanes.add("a", late(0))
    (one,) = lanes
    assert [each.stamp for each in one.entries] == [0, 1, 2, 3, 4]


def test_a_late_clone_does_not_come_before_one_that_is_in_flight():
    lanes = Lanes()
    lanes.add("a", entry(1))
    lanes.add("a", entry(2))
    (one,) = heads(lanes)
    lanes.add("a", late(0))
    assert [each.stamp for each in one[2].entries] == [1, 0, 2]


def test_the_failures_of_a_clone_are_not_those_of_a_late_one_before_it():
    lanes = Lanes()
    lanes.add("a", entry(1))
    (one,) = heads(lanes)
    one[2].failures, one[2].answered, one[2].bracketed = 7, True, True
    lanes.again(one[2], at=0.0)
    lanes.add("a", late(0))
    assert (one[2].failures, one[2].answered, one[2].bracketed) == (0, False, False)


def test_the_clock_that_was_set_back_changes_no_order():
    lanes = Lanes()
    for number in (5, 1, 2):
        lanes.add("a", entry(number * 10**9))
    (one,) = lanes
    assert [each.stamp // 10**9 for each in one.entries] == [5, 1, 2]


def test_clones_that_are_stored_in_another_order_than_they_came_in_go_out_as_they_came():
    lanes = Lanes()
    for number in (1, 4, 2, 3):
        lanes.add("a", entry(number * 10**8))
    (one,) = lanes
    assert [each.stamp // 10**8 for each in one.entries] == [1, 2, 3, 4]


def test_a_part_of_a_lane_is_taken_out_but_nothing_that_is_in_flight():
    lanes = Lanes()
    for number, key in enumerate("aabaab"):
        lanes.add(key, entry(number))
    (a, b) = (each[2] for each in heads(lanes))
    lanes.again(b, at=5.0)
    assert [each.stamp for each in lanes.cut(a, 2)] == [1, 3]
    assert [each.stamp for each in lanes.cut(b, 2)] == [2, 5]
    assert len(lanes) == 2
    assert not heads(lanes, now=6.0)
    lanes.done(a)
    assert [each[1] for each in heads(lanes)] == [4]


def test_what_is_older_and_what_came_first():
    lanes = Lanes()
    for number in range(6):
        lanes.add("ab"[number % 2], Entry(None, number, number, late(number).clone))
    (_, b) = heads(lanes)
    lanes.again(b[2], at=5.0)
    size = late(0).size
    assert lanes.size == 6 * size
    assert [(lane.key, count) for lane, count in lanes.older_than(4)] == [("a", 1), ("b", 2)]
    assert [(lane.key, count) for lane, count in lanes.oldest(3 * size)] == [("b", 2), ("a", 1)]
    lanes.cut(b[2], 3)
    assert lanes.size == 3 * size
