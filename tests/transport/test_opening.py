"""Connections are opened to the first address that accepts, within one deadline."""

import contextlib
import os
import socket
import ssl
import threading
import time

import pytest

from httptee.errors import UpstreamConnectError, UpstreamTimeout
from httptee.transport import opening
from httptee.transport.names import Address, Name
from httptee.transport.opening import Opener
from tests.support.net import ipv6_or_skip, refusing_port, unaccepting_port


def address(port, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return Address(family, (host, port, 0, 0) if ":" in host else (host, port))


@pytest.fixture(autouse=True)
def _next_address_soon(monkeypatch):
    """The next address is tried after 20 ms, where RFC 8305 has a quarter of a second."""
    monkeypatch.setattr(opening, "ATTEMPT_DELAY", 0.02)


def opener(*addresses):
    return Opener(Name("a.test", 80, 30.0, lambda host, port: list(addresses)))


@pytest.fixture
def accepting():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield address(server.getsockname()[1])


@pytest.fixture
def dead():
    with unaccepting_port() as port:
        yield address(port)


def test_an_address_that_swallows_the_request_costs_the_delay_and_no_more(dead, accepting):
    one = opener(dead, accepting)
    began = time.monotonic()
    with contextlib.closing(one.open(20.0)) as connection:
        assert connection.address == accepting
    assert time.monotonic() - began < 5.0
    assert one.name.addresses(0.0)[0] == accepting


def test_a_dead_ipv6_address_does_not_keep_a_live_ipv4_one_from_being_used(accepting):
    ipv6_or_skip()
    with unaccepting_port("::1") as port, contextlib.closing(opener(address(port, "::1"), accepting).open(20.0)) as one:
        assert one.address == accepting


def test_an_address_that_refuses_costs_no_time_at_all(accepting):
    with refusing_port() as port:
        one = opener(*[address(port)] * 100, accepting)
        with contextlib.closing(one.open(20.0)) as connection:
            assert connection.address == accepting


def test_where_every_address_refuses_that_is_the_error():
    with refusing_port() as port, pytest.raises(UpstreamConnectError, match="refused"):
        opener(address(port), address(port)).open(20.0)


def test_several_dead_addresses_have_one_deadline_together(dead):
    began = time.monotonic()
    with pytest.raises(UpstreamTimeout):
        opener(*[dead] * 4).open(0.1)
    assert time.monotonic() - began < 5.0


def test_nothing_is_left_open_of_the_attempts_that_were_not_needed(dead, accepting):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        opener(dead, dead, accepting).open(20.0).close()
    with contextlib.suppress(UpstreamTimeout):
        opener(dead, dead).open(0.1)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_handshake_that_does_not_end_is_cut_off_by_the_same_deadline(accepting):
    one = Opener(Name("a.test", 80, 30.0, lambda host, port: [accepting]), ssl.create_default_context(), "a.test")
    with pytest.raises(UpstreamTimeout, match="handshake"):
        one.open(0.3)


def test_a_unix_socket_is_connected_to(tmp_path):
    path = str(tmp_path / "socket")
    one = Opener(Name(path, 80, 30.0))
    with pytest.raises(UpstreamConnectError, match="No such file"):
        one.open(1.0)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        with pytest.raises(UpstreamConnectError, match="refused"):
            one.open(1.0)
        server.listen()
        with contextlib.closing(one.open(20.0)) as connection:
            assert connection.is_reusable()
            accepted, _ = server.accept()
            accepted.sendall(b"x")
            assert not connection.is_reusable()
            accepted.close()


def test_a_unix_socket_whose_backlog_is_full_is_waited_for_up_to_the_deadline(tmp_path):
    path = str(tmp_path / "socket")
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket(socket.AF_UNIX))
        server.bind(path)
        server.listen(0)
        one = Opener(Name(path, 80, 30.0))
        stack.enter_context(contextlib.closing(one.open(20.0)))
        with pytest.raises(UpstreamTimeout, match="did not accept the connection in time"):
            one.open(0.05)
        thread = threading.Timer(0.1, lambda: stack.enter_context(server.accept()[0]))
        thread.start()
        stack.enter_context(contextlib.closing(one.open(20.0)))
        thread.join()
