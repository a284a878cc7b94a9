"""The judge of the torture must find what is wrong, or the torture would show nothing. No tee takes part."""

from __future__ import annotations

import socket

import pytest

from bench.programs.processes import BenchError
from bench.reports.steadiness import Moment, slope, steady
from bench.scenarios.soak import misaccounted
from bench.torture.judge import A_AWAY, WHILE_AWAY, Tally, Windows, misfit
from bench.torture.orders import CHUNKED, Fit, Order, body, digest, framed
from tests.support.wire import Answer, Reader

NOTHING = Fit()
SENT = digest(b"")


def read(raw: bytes, method: str = "GET") -> Answer:
    """An answer as a client reads it."""
    client, server = socket.socketpair()
    with client, server:
        server.sendall(raw)
        server.shutdown(socket.SHUT_WR)
        return Reader(client).answer(method)


def answered(order: Order, method: str = "GET") -> Answer:
    """What a client gets that A answers."""
    return read(framed(order, method, body(order, method, SENT)), method)


def own(status: str, reason: str) -> Answer:
    """An answer of the tee's own."""
    text = f"{status}: {reason}\n"
    return read(f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\nX-Httptee-Error: {reason}\r\n\r\n{text}".encode())


@pytest.mark.parametrize("order", [Order("1"), Order("1", shape=CHUNKED, size=30_000), Order("1", size=0)])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_a_has_sent_fits(order: Order, method: str) -> None:
    assert misfit(order, method, SENT, answered(order, method), NOTHING) == ""


def test_the_answer_to_another_request_does_not_fit() -> None:
    assert "other header fields" in misfit(Order("1"), "GET", SENT, answered(Order("2")), NOTHING)
    mixed = framed(Order("1"), "GET", body(Order("2"), "GET", SENT))
    assert "another body" in misfit(Order("1"), "GET", SENT, read(mixed), NOTHING)


def test_a_short_answer_that_looks_whole_does_not_fit() -> None:
    short = framed(Order("1", shape=CHUNKED), "GET", body(Order("1", shape=CHUNKED), "GET", SENT)[:-1])
    assert "99 bytes of 100" in misfit(Order("1", shape=CHUNKED), "GET", SENT, read(short), NOTHING)
    cut = Order("1", a="close.900", shape=CHUNKED)
    assert "in place of an error" in misfit(cut, "GET", SENT, answered(cut), NOTHING)


def test_a_cut_connection_fits_only_where_a_breaks_off_or_something_excuses_it() -> None:
    assert misfit(Order("1"), "GET", SENT, None, NOTHING) == "the connection was cut"
    assert misfit(Order("1"), "GET", SENT, None, Fit(cut=True)) == ""
    assert misfit(Order("1", a="reset.500"), "GET", SENT, None, NOTHING) == ""


def test_an_error_fits_only_the_fault_it_is_documented_for() -> None:
    reset = own("502 Bad Gateway", "primary_reset")
    assert misfit(Order("1", a="reset.0"), "GET", SENT, reset, NOTHING) == ""
    assert "primary_reset" in misfit(Order("1"), "GET", SENT, reset, NOTHING)
    assert "primary_reset" in misfit(Order("1", a="silent.0"), "GET", SENT, reset, NOTHING)
    assert misfit(Order("1"), "GET", SENT, reset, WHILE_AWAY) == ""
    wrong = own("504 Gateway Timeout", "primary_reset")
    assert "not as documented" in misfit(Order("1", a="reset.0"), "GET", SENT, wrong, NOTHING)


def test_only_what_happened_since_then_excuses_an_answer() -> None:
    windows = Windows()
    assert not windows.any(A_AWAY, 0.0)
    with windows.during(A_AWAY):
        assert windows.any(A_AWAY, 1e12)
    assert windows.any(A_AWAY, 0.0)
    assert not windows.any(A_AWAY, 1e12)


def test_orders_survive_the_way_through_a_target() -> None:
    order = Order("7-8", "reset.120", "endless.0", CHUNKED, 5_000)
    assert Order.parse(order.target) == order
    assert order.fault("a") == ("reset", 120)
    assert Order.parse("/smuggled") is None


LEDGER = {"seen": 10, "delivered": 6, "failed": 3, "dropped": 1, "in_flight": 0}
REPORT = {"requests": 8, "repeated": 1, "repeated_unsafely": 0, "mangled": 0, "strange": 0}


def tally(**counts: int) -> Tally:
    made = Tally()
    made.counts.update(counts)
    return made


def test_a_ledger_that_fits_the_counts_has_no_contradiction() -> None:
    assert misaccounted(LEDGER, tally(asked=11, answered=10), 0, REPORT, REPORT) == []


@pytest.mark.parametrize(
    ("ledger", "report"),
    [
        ({"seen": 12}, {}),
        ({"seen": 9}, {}),
        ({"in_flight": 1}, {}),
        ({}, {"requests": 11}),
        ({}, {"requests": 6}),
        ({}, {"strange": 1}),
        ({}, {"mangled": 1}),
        ({}, {"repeated_unsafely": 1}),
    ],
)
def test_a_ledger_that_contradicts_a_count_is_told(ledger: dict[str, int], report: dict[str, int]) -> None:
    assert misaccounted({**LEDGER, **ledger}, tally(asked=11, answered=10), 0, REPORT, {**REPORT, **report})


def test_a_slope_is_in_10_minutes_and_knows_how_sure_it_is() -> None:
    exact = slope([(at, 5.0 + at / 600) for at in range(100)])
    assert (exact.value, exact.error) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    assert slope([(0, 0.0), (1, 1.0), (2, 0.0), (3, 1.0)]).error > 0
    with pytest.raises(BenchError):
        slope([(0, 1.0), (1, 1.0)])


def test_what_recurs_is_no_slope_whichever_of_it_is_missing() -> None:
    saw = [(at, at % 90 + at / 600) for at in range(0, 900, 2) if at < 450 or at % 90 > 20]
    assert slope(saw).value != pytest.approx(1.0, abs=0.5)
    assert (slope(saw, 90.0).value, slope(saw, 90.0).error) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))


def test_the_warm_up_and_moments_with_two_generations_are_left_out() -> None:
    moments = [Moment(float(at), 1, 1, 1, 6 if at == 50 else 4) for at in range(100)]
    assert [moment.at for moment in steady(moments, 100.0)] == [at for at in range(20, 100) if at != 50]
