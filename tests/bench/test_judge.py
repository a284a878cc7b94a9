"""The judge must find every wrong answer, or the torture proves nothing. No tee takes part."""

from __future__ import annotations

import socket

import pytest

from bench.torture.judge import A_AWAY, WHILE_AWAY, Windows, misfit
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
