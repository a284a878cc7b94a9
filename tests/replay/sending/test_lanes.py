from collections import deque

from httptee.replay.sending.item import Item
from httptee.replay.sending.lane import Lane
from httptee.replay.sending.lanes import PooledLanes, RecordedLanes


def item(number, lane=1):
    return Item(number, 0.0, lane, "GET", b"", None)


def opened(lane):
    lane.sock = object()
    return lane


def test_a_connection_of_the_recording_is_opened_before_its_first_request_is_due():
    lanes = RecordedLanes()
    lane = lanes.announce(item(0))
    assert lane is not None
    assert lane.key == 1
    opened(lane)
    assert lanes.announce(item(1)) is None  # it is open
    assert lanes.announce(item(2, 7)) is not lane


def test_a_request_waits_for_the_one_before_it_on_its_connection():
    lanes = RecordedLanes()
    lane = opened(lanes.announce(item(0)))
    lanes.announce(item(1))
    assert lanes.queue(item(0)) is lane
    lane.item = lane.queue.popleft()[0]
    assert lanes.queue(item(1)) is None
    assert lanes.waiting


def test_a_connection_that_has_nothing_to_do_is_closed_after_some_time():
    lanes = RecordedLanes()
    lane = opened(lanes.announce(item(0)))
    lanes.idle(lane, 0.0)
    assert lanes.expired(1000.0) == []  # its request is still to come
    lanes.queue(item(0))
    lane.queue.clear()
    assert lanes.expired(1.0) == []
    assert lanes.expired(1000.0) == [lane]
    assert lanes.announce(item(1)) is not lane


def test_what_waits_can_be_taken_out():
    lanes = RecordedLanes()
    for number in range(4):
        lanes.announce(item(number, number % 2))
        lanes.queue(item(number, number % 2))
    assert sorted(one.number for one in lanes.drop()) == [0, 1, 2, 3]
    assert not lanes.waiting


def test_a_pool_opens_no_more_than_its_most_connections():
    lanes = PooledLanes(2)
    first, second = lanes.queue(item(0)), lanes.queue(item(1))
    assert first is not None
    assert second is not None
    assert lanes.queue(item(2)) is None
    assert not lanes.has_free


def test_a_pool_keeps_spare_connections_open():
    lanes = PooledLanes(10)
    spare = lanes.announce(item(0))
    lanes.opening += 1
    assert lanes.announce(item(1)) is not None
    lanes.opening += 1
    assert lanes.announce(item(2)) is None
    lanes.idle(opened(spare), 0.0)
    assert lanes.queue(item(0)) is spare


def test_a_connection_of_a_pool_that_the_server_has_closed_makes_room_for_another_one():
    lanes = PooledLanes(1)
    lane = opened(lanes.announce(item(0)))
    lanes.idle(lane, 0.0)
    assert lanes.announce(item(1)) is None
    lane.sock = None
    lanes.lost(lane)
    assert lanes.announce(item(1)) is not None


def test_a_place_without_a_connection_and_without_work_is_given_up():
    lanes = PooledLanes(1)
    lane = lanes.announce(item(0))
    lanes.idle(lane, 0.0)
    assert lanes.announce(item(1)) is not None


def test_a_lane_has_an_idle_place_at_first():
    lane = Lane(1, deque())
    assert lane.sock is None
    assert not lane.wants_to_write
    lane.close()
