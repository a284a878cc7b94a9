import logging
import threading

import pytest

from httptee.errors import UpstreamConnectError, UpstreamProtocolError, UpstreamTimeout
from httptee.ledger.columns import CIRCUIT_WORDS
from httptee.ledger.shared import shared_words
from httptee.shadow.breaker import Breaker, BreakerPolicy, fault_of_b


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


@pytest.mark.parametrize("reason", ["reset", ""])
def test_some_failures_say_nothing_about_b(reason):
    circuit = Circuit()
    circuit.fail(10, reason)
    assert not circuit.breaker.open


@pytest.mark.parametrize("reason", ["connect", "timeout", "tls", "protocol", fault_of_b(None, 200)])
def test_all_others_count(reason):
    circuit = Circuit()
    circuit.fail(3, reason)
    assert circuit.breaker.blocks


@pytest.mark.parametrize(
    ("error", "status", "fault"),
    [
        (UpstreamTimeout("no head"), 0, "timeout"),
        (UpstreamTimeout("a stream"), 200, ""),
        (UpstreamProtocolError("broken chunks"), 200, "protocol"),
        (UpstreamConnectError("refused"), 0, "connect"),
        (ValueError("a request that is not HTTP"), 0, ""),
    ],
)
def test_what_a_failure_says_about_b(error, status, fault):
    assert fault_of_b(error, status) == fault


def test_one_probe_at_a_time_is_let_through_after_the_wait():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 0.99
    assert circuit.breaker.blocks
    assert not circuit.breaker.take_probe()
    circuit.now += 0.02
    assert not circuit.breaker.blocks
    assert circuit.breaker.take_probe()
    circuit.now += 5  # however long it takes
    assert circuit.breaker.blocks
    assert not circuit.breaker.take_probe()


def test_the_wait_doubles_with_each_probe_that_fails_up_to_the_longest():
    circuit = Circuit()
    circuit.fail(3)
    for wait in (1, 2, 4, 4):
        circuit.now += wait - 0.01
        assert circuit.breaker.blocks
        circuit.now += 0.02
        assert circuit.breaker.take_probe()
        circuit.breaker.failed("connect", probe=True)


def test_clones_that_were_in_flight_when_it_opened_do_not_make_the_wait_longer():
    circuit = Circuit()
    circuit.fail(50, "timeout")
    circuit.now += 1.01
    assert circuit.breaker.take_probe()
    circuit.fail(50, "timeout")
    circuit.breaker.failed("timeout", probe=True)
    circuit.now += 2.01
    assert not circuit.breaker.blocks


def test_where_a_probe_was_dropped_another_clone_is_the_probe_at_once():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 1.01
    assert circuit.breaker.take_probe()
    circuit.breaker.end_probe()
    assert circuit.breaker.take_probe()


def test_threads_that_offer_clones_at_once_get_one_probe():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 1.01
    got, start = [], threading.Barrier(8)

    def take():
        start.wait(30)
        got.append(circuit.breaker.take_probe())

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


def test_the_head_of_an_answer_is_a_success():
    circuit = Circuit()
    circuit.fail(2, "timeout")
    circuit.breaker.answered()
    circuit.fail(2, "timeout")
    assert not circuit.breaker.open
    circuit.fail(1, "timeout")
    circuit.breaker.answered()
    assert not circuit.breaker.open


def test_heads_do_not_excuse_answers_that_cost_too_much():
    circuit = Circuit()
    for _ in range(3):
        circuit.breaker.answered()
        circuit.fail(1, "protocol")
    assert circuit.breaker.open
    circuit.breaker.answered()
    assert circuit.breaker.open
    circuit.breaker.succeeded()
    assert not circuit.breaker.open
    circuit.fail(2, "protocol")
    assert not circuit.breaker.open


def test_a_probe_that_succeeds_closes_the_circuit():
    circuit = Circuit()
    circuit.fail(3)
    circuit.breaker.succeeded()
    assert not circuit.breaker.open
    assert not circuit.breaker.blocks
    circuit.fail(2)
    assert not circuit.breaker.open


def test_a_probe_whose_process_died_does_not_block_for_ever():
    circuit = Circuit(patience=20.0)
    circuit.fail(3)
    circuit.now += 1.01
    assert circuit.breaker.take_probe()
    circuit.now += 19.9
    assert circuit.breaker.blocks
    circuit.now += 0.2
    assert circuit.breaker.take_probe()


def test_a_b_that_flaps_keeps_its_long_wait_and_one_that_was_well_starts_anew():
    circuit = Circuit()
    circuit.fail(3)
    circuit.now += 1.01
    assert circuit.breaker.take_probe()
    circuit.breaker.failed("connect", probe=True)
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
    assert [breaker.take_probe() for breaker in circuit.breakers] == [True, False, False]
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


def test_a_b_with_a_spool_is_logged_by_its_drainer_alone(caplog):
    caplog.set_level(logging.INFO)
    circuit = Circuit(spools=True)
    circuit.fail(100)
    assert circuit.breaker.open
    circuit.now += 2
    circuit.breaker.succeeded()
    assert not circuit.breaker.open
    assert not caplog.records


def test_without_a_number_of_failures_it_only_says_so(caplog):
    circuit = Circuit(failures=0)
    circuit.fail(100)
    assert not circuit.breaker.blocks
    assert not circuit.breaker.drops
    assert len(caplog.records) == 1
