import logging

import pytest

from httptee.ledger.columns import CIRCUIT_WORDS
from httptee.ledger.shared import shared_words
from httptee.shadow.breaker import Breaker, BreakerPolicy


class Circuit:
    """Breakers of several workers on the same words, with a clock of their own and no jitter."""

    def __init__(self, workers=1, **policy):
        self.now = 100.0
        words = shared_words(CIRCUIT_WORDS)
        policy = BreakerPolicy(**{"failures": 3, "shortest": 1.0, "longest": 4.0, **policy})
        self.breakers = [Breaker("b", words, policy, lambda: self.now, lambda: 0.5) for _ in range(workers)]
        self.breaker = self.breakers[0]

    def fail(self, times=1, reason="connect"):
        for _ in range(times):
            self.breaker.failed(reason)


def test_a_new_circuit_is_closed():
    circuit = Circuit()
    assert not circuit.breaker.open
    assert not circuit.breaker.blocks


def test_it_opens_after_so_many_failures_in_a_row():
    circuit = Circuit()
    circuit.fail(2)
    assert not circuit.breaker.blocks
    circuit.fail()
    assert circuit.breaker.open
    assert circuit.breaker.blocks


def test_a_success_in_between_starts_the_row_anew():
    circuit = Circuit()
    circuit.fail(2)
    circuit.breaker.succeeded()
    circuit.fail(2)
    assert not circuit.breaker.open


@pytest.mark.parametrize("reason", ["reset", "protocol", "tls"])
def test_a_b_that_answers_badly_is_there(reason):
    circuit = Circuit()
    circuit.fail(10, reason)
    assert not circuit.breaker.open


def test_one_probe_at_a_time_is_let_through_after_the_wait():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 0.99
    assert circuit.breaker.blocks
    circuit.now += 0.02
    assert not circuit.breaker.blocks
    assert circuit.breaker.blocks


def test_the_wait_doubles_with_each_probe_that_fails_up_to_the_longest():
    circuit = Circuit()
    circuit.fail(3)
    for wait in (1, 2, 4, 4):
        circuit.now += wait - 0.01
        assert circuit.breaker.blocks
        circuit.now += 0.02
        assert not circuit.breaker.blocks
        circuit.fail()


def test_a_probe_that_succeeds_closes_the_circuit():
    circuit = Circuit()
    circuit.fail(3)
    circuit.breaker.succeeded()
    assert not circuit.breaker.open
    assert not circuit.breaker.blocks
    circuit.fail(2)
    assert not circuit.breaker.open


def test_a_probe_that_never_reports_does_not_block_for_ever():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 1.01
    assert not circuit.breaker.blocks
    circuit.now += 1.01
    assert not circuit.breaker.blocks


def test_a_b_that_flaps_keeps_its_long_wait_and_one_that_was_well_starts_anew():
    circuit = Circuit()
    circuit.fail(4)
    circuit.breaker.succeeded()
    circuit.now += 1
    circuit.fail(3)
    circuit.now += 1.5
    assert circuit.breaker.blocks
    circuit.breaker.succeeded()
    circuit.now += 60
    circuit.fail(3)
    circuit.now += 1.01
    assert not circuit.breaker.blocks


def test_all_workers_share_one_circuit():
    circuit = Circuit(workers=3)
    for breaker in circuit.breakers:
        breaker.failed("timeout")
    assert all(breaker.blocks for breaker in circuit.breakers)
    circuit.now += 1.01
    assert [breaker.blocks for breaker in circuit.breakers] == [False, True, True]
    circuit.breakers[2].succeeded()
    assert not any(breaker.open for breaker in circuit.breakers)


def test_each_change_is_one_line_in_the_log(caplog):
    caplog.set_level(logging.INFO)
    circuit = Circuit(workers=2)
    circuit.fail(100)
    circuit.now += 2
    for breaker in circuit.breakers:
        breaker.succeeded()
        breaker.succeeded()
    assert [record.getMessage() for record in caplog.records] == [
        "B b is down: 3 failures in a row, the last one: connect; its clones are dropped until it answers",
        "B b is up again after 2.0 s",
    ]


def test_without_a_number_of_failures_it_only_says_so(caplog):
    circuit = Circuit(failures=0)
    circuit.fail(100)
    assert not circuit.breaker.blocks
    assert not circuit.breaker.drops_queue
    assert len(caplog.records) == 1
