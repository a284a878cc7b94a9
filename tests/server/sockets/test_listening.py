import contextlib
import os
import socket

import pytest

from httptee.http.endpoint import Listen
from httptee.server.sockets import listening


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


def test_a_unix_socket_that_is_passed_is_listened_on_and_its_file_stays(passed, tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(path)
        sock.listen()
        passed(sock)
        with listening.listen(Listen("127.0.0.1", 1)) as taken:
            assert str(listening.address_of(taken)) == f"unix:{path}"
        assert os.path.exists(path)


def test_the_file_of_a_unix_socket_has_its_mode_and_goes_with_the_socket(tmp_path):
    path = str(tmp_path / "socket")
    with listening.listen(Listen("", 0, path), 0o640) as made:
        assert os.stat(path).st_mode & 0o777 == 0o640
        assert listening.address_of(made, "") == Listen("", 0, path)
    assert not os.path.exists(path)


@pytest.mark.parametrize("kind", ["two", "a datagram socket", "not listening"])
def test_what_does_not_do_is_refused_with_a_reason(passed, kind):
    with socket.socket(type=socket.SOCK_DGRAM if kind == "a datagram socket" else socket.SOCK_STREAM) as sock:
        passed(sock, count="2" if kind == "two" else "1")
        with pytest.raises(OSError, match=r"takes one socket|not a listening TCP or Unix socket"):
            listening.inherited()


def test_an_address_is_shown_as_it_was_bound_or_with_the_given_host():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        assert str(listening.address_of(sock)) == f"127.0.0.1:{port}"
        assert str(listening.address_of(sock, "")) == f":{port}"


def test_a_control_socket_is_for_the_user_of_the_tee_alone(tmp_path):
    path = str(tmp_path / "control")
    assert listening.control_socket("") is None
    with listening.control_socket(path):
        assert os.stat(path).st_mode & 0o777 == 0o600
        with pytest.raises(
            listening.ControlError, match=r"cannot make .*control \(-control\): another process listens"
        ):
            listening.control_socket(path)
