import contextlib
import os
import socket

import pytest

from httptee.http.endpoint import Listen
from httptee.processes import listening


@pytest.fixture
def passed(monkeypatch):
    """Pass a socket the way systemd does, except that it may be any descriptor."""

    def pass_on(sock, count="1", process=None):
        monkeypatch.setenv("LISTEN_PID", process or str(os.getpid()))
        monkeypatch.setenv("LISTEN_FDS", count)
        monkeypatch.setattr(listening, "_FIRST_INHERITED", os.dup(sock.fileno()))

    yield pass_on
    if listening._FIRST_INHERITED > 3:
        with contextlib.suppress(OSError):
            os.close(listening._FIRST_INHERITED)


def test_a_socket_that_is_passed_is_listened_on_whatever_the_address_says(passed):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        passed(sock)
        with listening.listen(Listen("127.0.0.1", 1)) as taken:
            assert taken.getsockname() == sock.getsockname()
            assert not taken.get_inheritable()
        assert "LISTEN_FDS" not in os.environ


def test_a_socket_for_another_process_is_not_taken(passed):
    with socket.create_server(("127.0.0.1", 0)) as sock:
        passed(sock, process="1")
        assert listening.inherited() is None


@pytest.mark.parametrize("kind", ["two", "a datagram socket", "not listening", "a Unix socket"])
def test_what_does_not_do_is_refused_with_a_reason(passed, kind, tmp_path):
    family = socket.AF_UNIX if kind == "a Unix socket" else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if kind == "a datagram socket" else socket.SOCK_STREAM) as sock:
        if kind == "a Unix socket":
            sock.bind(str(tmp_path / "socket"))
            sock.listen()
        passed(sock, count="2" if kind == "two" else "1")
        with pytest.raises(OSError, match=r"takes one socket|not a listening TCP socket"):
            listening.inherited()
