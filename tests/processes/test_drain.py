"""When a signal is a second one, and what the log says of a drain."""

import logging
from types import SimpleNamespace

import pytest

from httptee.ledger.ledger import Ledger
from httptee.processes.drain import Drain, StopSignals, begin_drain
from httptee.settings.settings import Settings


@pytest.fixture
def clock():
    clock = SimpleNamespace(now=1000.0)
    clock.read = lambda: clock.now
    return clock


def test_signals_within_a_second_are_one_and_a_later_one_is_a_second(clock):
    signals = StopSignals(clock.read)
    for now, second in ((1000.0, False), (1000.0, False), (1000.99, False), (1001.0, True), (1900.0, True)):
        clock.now = now
        assert signals.is_second() is second


def test_a_drain_says_what_it_waits_for(caplog):
    ledger = Ledger(["b", "c"], rows=2)
    ledger.worker(0).publish(pid=41, connections=10, in_flight=3)
    ledger.worker(1).publish(pid=42, connections=2, in_flight=1)
    ledger.worker(0).publish(draining=1)
    one, other = ledger.accounts(1)
    one.open()
    with caplog.at_level(logging.INFO):
        begin_drain(ledger, Settings(drain_timeout=2.5))
        other.open()
        begin_drain(Ledger([]), Settings())
    assert [record.getMessage() for record in caplog.records] == [
        "draining, for at most 2.5 s: 12 connections, 4 requests and 1 clone in flight",
        "draining, for at most 5.0 s: 0 connections, 0 requests and 0 clones in flight",
    ]
    assert Drain(ledger).waits_for() == "12 connections, 4 requests and 2 clones in flight"
    ledger.worker(0).tunnel_opened()
    assert Drain(ledger).waits_for() == "12 connections, 1 upgraded connection, 4 requests and 2 clones in flight"


def test_upgraded_connections_that_are_cut_off_are_named(clock):
    ledger = Ledger([])
    drain = Drain(ledger, clock.read)
    for end in ("closed", "closing", "closing"):
        ledger.worker(0).tunnel_opened()
        ledger.worker(0).tunnel_ended(end)
    assert drain.result() == "0.0 s; cut off: 2 upgraded connections"


def test_a_drain_says_what_it_cut_off_and_nothing_that_was_before(clock):
    ledger = Ledger(["b", "c"], rows=2)
    (b, c), (lost, _) = ledger.accounts(0), ledger.accounts(1)
    b.drop("closing")
    b.drop("saturated")
    c.open()
    c.settle_failed("timeout")
    ledger.worker(0).cut_off(7)
    drain = Drain(ledger, clock.read)
    clock.now += 0.44
    b.open()
    b.settle_delivered(200, 0.1)
    b.open()
    b.settle_failed("timeout")  # an exchange that took too long by itself
    b.drop("filtered")
    assert drain.result() == "0.4 s; nothing was cut off"
    for account in (b, b, c, lost):
        account.open()
    c.drop("closing")
    ledger.worker(0).cut_off(1)
    ledger.settle_unanswered(0)
    ledger.settle_lost(1)
    assert drain.result() == "0.4 s; cut off: 1 request, 5 clones (closing=1 timeout=3 lost=1)"
    assert Drain(ledger, clock.read).result(killed=2) == "0.0 s; cut off: 2 worker processes killed"
    assert Drain(ledger, clock.read).result(killed=1) == "0.0 s; cut off: 1 worker process killed"
