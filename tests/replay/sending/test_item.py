import socket

import pytest

from httptee.replay.sending.item import Channel, Item


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    channels = Channel(one), Channel(other)
    yield channels
    for channel in channels:
        channel.close()


def received(channel, count):
    found = []
    while len(found) < count and channel.receive():
        found += channel.messages()
    return found


def test_messages_arrive_whole_and_in_order(ends):
    one, other = ends
    items = [
        Item(number, number / 3, 5, "GET", b"\0" * number * 1000, (200, [("A", "\xe9")], None, 7, b"d"))
        for number in range(300)
    ]
    found = []
    for item in items:
        one.put(tuple(item))
    while one.unsent:
        one.flush()
        other.receive()
        found += [Item(*message) for message in other.messages()]
    assert found == items


def test_what_the_kernel_does_not_take_waits(ends):
    one, other = ends
    one.put(("a", b"x" * 4_000_000))
    one.flush()
    assert one.unsent > 0
    found = []
    while not found:
        other.receive()
        one.flush()
        found = list(other.messages())
    assert len(found[0][1]) == 4_000_000


def test_a_message_is_taken_when_it_is_asked_for(ends):
    one, other = ends
    for number in range(3):
        one.put((number,))
    one.flush()
    other.receive()
    assert next(other.messages()) == (0,)
    assert other.unread > 0
    assert [message[0] for message in other.messages()] == [1, 2]
    assert other.unread == 0


def test_the_end_of_the_other_end_is_noticed(ends):
    one, other = ends
    other.close()
    assert not one.receive()
    assert one.ended
    one.put(("a",))
    one.flush()
    assert one.unsent == 0


def test_nothing_to_receive_is_no_end(ends):
    assert ends[0].receive()
    assert not ends[0].ended
