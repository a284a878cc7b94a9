"""What was read and is not settled yet."""

from httptee.spool.lanes import Lanes
from httptee.spool.stream import Entry


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
