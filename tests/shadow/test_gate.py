"""Where clones wait for the last ones in the spool."""

import pytest

from httptee.http import Exchange, Request
from httptee.shadow.gate import Gate


class Spool:
    """A spool whose state a test sets."""

    settling = backlog = False

    def __init__(self):
        self.calls = 0

    def watch(self, look):
        self.look = look

    def call(self):
        self.calls += 1


class Road:
    def __init__(self):
        self.sent = []
        self.waiting = 0
        self.dropped = []
        self.closed = False

    def take(self, exchange):
        self.sent.append(exchange)

    def drop_waiting(self, reason, spared):
        self.dropped.append(reason)

    def close(self):
        self.closed = True


class World:
    def __init__(self):
        self.spool, self.road, self.back = Spool(), Road(), []
        self.gate = Gate(self.road, self.spool, lambda exchange, reason: self.back.append((exchange, reason)))


@pytest.fixture
def world():
    return World()


def clones(count):
    return [Exchange(Request("GET", f"/{number}", [], b"", "", "http"), 200, 0.0) for number in range(count)]


def test_without_a_backlog_a_clone_is_sent_at_once(world):
    (one,) = clones(1)
    world.gate.take(one)
    assert world.road.sent == [one]
    assert world.spool.calls == 0


def test_a_clone_that_comes_when_the_time_to_wait_has_just_ended_goes_into_the_spool(world):
    (one,) = clones(1)
    world.spool.backlog = True
    world.gate.take(one)
    assert (world.road.sent, world.back, world.gate.waiting) == ([], [(one, "backlog")], 0)


def test_clones_wait_until_the_spool_is_empty_and_go_out_in_their_order_before_later_ones(world):
    some = clones(4)
    world.spool.settling = True
    for one in some[:2]:
        world.gate.take(one)
    assert world.spool.look()
    assert (world.road.sent, world.gate.waiting, world.spool.calls) == ([], 2, 2)
    world.spool.settling = False
    world.gate.take(some[2])  # the spool is empty, and nobody has looked yet
    assert world.road.sent == []
    assert not world.spool.look()
    world.gate.take(some[3])
    assert world.road.sent == some
    assert world.gate.waiting == 0


def test_if_the_spool_is_not_empty_in_time_they_go_into_it(world):
    some = clones(2)
    world.spool.settling = True
    for one in some:
        world.gate.take(one)
    world.spool.settling, world.spool.backlog = False, True
    assert not world.spool.look()
    assert world.back == [(one, "backlog") for one in some]
    assert world.road.sent == []


def test_a_clone_that_comes_while_others_go_on_does_not_pass_them(world):
    first, second, third = clones(3)
    world.spool.settling = True
    world.gate.take(first)
    world.gate.take(second)
    world.spool.settling = False

    def take(exchange):
        if exchange is first:
            world.gate.take(third)
        world.road.sent.append(exchange)

    world.road.take = take
    assert not world.spool.look()
    assert world.road.sent == [first, second, third]


def test_what_waits_is_dropped_but_one_that_is_spared(world):
    some = clones(3)
    world.spool.settling = True
    for one in some:
        world.gate.take(one)
    world.gate.drop_waiting("circuit_open", some[1])
    assert world.back == [(some[0], "circuit_open"), (some[2], "circuit_open")]
    assert world.gate.waiting == 1
    assert world.road.dropped == ["circuit_open"]


def test_a_clone_that_fails_while_it_goes_on_may_drop_what_waits_and_none_is_lost(world):
    some = clones(3)
    world.spool.settling = True
    for one in some:
        world.gate.take(one)
    world.spool.settling = False

    def take(exchange):
        world.road.sent.append(exchange)
        world.gate.drop_waiting("circuit_open", None)
        world.spool.backlog = True

    world.road.take = take
    assert not world.spool.look()
    assert world.road.sent == some[:1]
    assert world.back == [(one, "backlog") for one in some[1:]]


def test_at_the_end_what_waits_is_dropped_as_closing(world):
    (one,) = clones(1)
    world.spool.settling = True
    world.gate.take(one)
    world.gate.close()
    assert world.back == [(one, "closing")]
    assert world.road.closed


def test_a_clone_that_comes_during_the_end_is_dropped_too(world):
    first, second = clones(2)
    world.spool.settling = True
    world.gate.take(first)
    world.gate._back = lambda exchange, reason: (
        world.back.append((exchange, reason)),
        exchange is first and world.gate.take(second),
    )
    world.gate.close()
    assert world.back == [(first, "closing"), (second, "closing")]
    assert world.gate.waiting == 0
