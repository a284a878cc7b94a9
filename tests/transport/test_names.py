"""Names are looked up apart from the threads that need them, and remembered."""

import socket
import threading

import pytest

from httptee.transport.names import FAILED_FOR, Address, Name, look_up
from tests.support.clock import Clock
from tests.support.net import eventually

FOUR, SIX = Address(socket.AF_INET, ("192.0.2.1", 80)), Address(socket.AF_INET6, ("2001:db8::1", 80, 0, 0))


class Resolver:
    """Answers with `found`, an error or addresses, once `gate` is open."""

    def __init__(self, *found):
        self.found = list(found)
        self.gate = threading.Event()
        self.gate.set()
        self.asked = 0

    def __call__(self, host, port):
        self.asked += 1
        assert self.gate.wait(10)
        if isinstance(self.found[0], Exception):
            raise self.found[0]
        return list(self.found)


@pytest.fixture
def clock():
    return Clock()


def name(resolver, clock, ttl=30.0):
    return Name("a.test", 80, ttl, resolver, clock)


def test_addresses_are_looked_up_once_while_they_are_fresh(clock):
    resolver = Resolver(FOUR, SIX)
    one = name(resolver, clock)
    assert one.addresses(5.0) == one.addresses(5.0) == (FOUR, SIX)
    clock.now += 29.0
    assert one.addresses(5.0) == (FOUR, SIX)
    assert resolver.asked == 1


def test_a_resolver_that_stalls_costs_the_deadline_and_no_more(clock):
    resolver = Resolver(FOUR)
    resolver.gate.clear()
    one = name(resolver, clock)
    with pytest.raises(TimeoutError, match=r"a\.test"):
        one.addresses(0.05)
    with pytest.raises(TimeoutError):
        one.addresses(0.05)
    assert resolver.asked == 1
    resolver.gate.set()
    assert one.addresses(5.0) == (FOUR,)


def test_what_is_no_longer_fresh_is_used_while_it_is_looked_up_again(clock):
    resolver = Resolver(FOUR)
    one = name(resolver, clock)
    one.addresses(5.0)
    resolver.found = [SIX]
    resolver.gate.clear()
    clock.now += 31.0
    assert one.addresses(0.0) == (FOUR,)
    resolver.gate.set()
    eventually(lambda: one.version == 2)
    assert one.addresses(0.0) == (SIX,)
    assert one.holds(SIX)
    assert not one.holds(FOUR)


def test_a_resolver_that_fails_leaves_the_old_addresses_in_use_and_is_asked_again_a_second_later(clock):
    resolver = Resolver(FOUR)
    one = name(resolver, clock)
    one.addresses(5.0)
    resolver.found = [socket.gaierror(socket.EAI_AGAIN, "try again")]
    clock.now += 31.0
    one.refresh()
    eventually(lambda: one.valid_until > clock.now)
    assert one.addresses(0.0) == (FOUR,)
    assert resolver.asked == 2
    clock.now += FAILED_FOR
    resolver.found = [SIX]
    one.refresh()
    eventually(lambda: one.version == 2)


def test_a_name_that_does_not_resolve_is_an_error_that_is_remembered_for_a_second(clock):
    resolver = Resolver(socket.gaierror(socket.EAI_NONAME, "unknown"))
    one = name(resolver, clock)
    for _ in range(3):
        with pytest.raises(socket.gaierror):
            one.addresses(5.0)
    assert resolver.asked == 1
    clock.now += FAILED_FOR
    resolver.found = [FOUR]
    assert one.addresses(5.0) == (FOUR,)


def test_a_name_that_dns_cannot_hold_is_an_error_as_well(clock):
    with pytest.raises(OSError, match="label"):
        name(Resolver(UnicodeError("label too long")), clock).addresses(5.0)


def test_the_address_that_worked_comes_first(clock):
    one = name(Resolver(SIX, FOUR), clock)
    one.addresses(5.0)
    one.worked(FOUR)
    assert one.addresses(5.0) == (FOUR, SIX)


def test_the_same_addresses_in_another_order_are_no_change(clock):
    resolver = Resolver(FOUR, SIX)
    one = name(resolver, clock)
    one.addresses(5.0)
    one.worked(SIX)
    resolver.found = [FOUR, SIX]
    clock.now += 31.0
    one.refresh()
    eventually(lambda: one.valid_until > clock.now)
    assert (one.version, one.addresses(5.0)) == (1, (SIX, FOUR))


def test_where_no_thread_can_be_started_the_lookup_fails_and_is_tried_again_later(clock, monkeypatch):
    def cannot(self):
        raise RuntimeError("can't start new thread")

    resolver = Resolver(FOUR)
    one = name(resolver, clock)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", cannot)
        with pytest.raises(OSError, match="thread"):
            one.addresses(5.0)
    clock.now += FAILED_FOR
    assert one.addresses(5.0) == (FOUR,)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_an_address_needs_no_resolver(host):
    one = Name(host, 80, 30.0)
    assert [address.sockaddr[0] for address in one.addresses(0.0)] == [host]
    assert one.valid_until == float("inf")


def test_families_alternate(monkeypatch):
    six = [(socket.AF_INET6, 1, 6, "", (f"2001:db8::{n}", 80, 0, 0)) for n in (1, 2, 3)]
    four = [(socket.AF_INET, 1, 6, "", ("192.0.2.1", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: six + four)
    assert [address.sockaddr[0] for address in look_up("a.test", 80)] == [
        "2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3",
    ]  # fmt: skip
