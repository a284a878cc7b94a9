"""What stops a start, in the words that the user reads."""

import errno
import os
from dataclasses import replace

import pytest

from httptee.http.endpoint import Endpoint, Listen
from httptee.processes import admin, start
from httptee.processes.start import CannotStartError, prepare, write_pid_file
from httptee.settings.settings import Settings

SETTINGS = Settings(listen=Listen("127.0.0.1", 0), a=Endpoint.parse("127.0.0.1:1"), processes=1)
PRIVILEGED = "; a port below 1024 needs root or the capability CAP_NET_BIND_SERVICE"


def refuse(number):
    def bind(where, *_):
        raise OSError(number, f"{os.strerror(number)} (while attempting to bind on address)")

    return bind


@pytest.mark.parametrize(
    ("number", "port", "said"),
    [
        (errno.EACCES, 80, f"cannot listen on :80: Permission denied{PRIVILEGED}"),
        (errno.EACCES, 1024, "cannot listen on :1024: Permission denied"),
        (errno.EADDRINUSE, 80, "cannot listen on :80: Address already in use"),
    ],
)
def test_a_port_that_needs_rights_names_them(monkeypatch, number, port, said):
    monkeypatch.setattr(start, "listen", refuse(number))
    with pytest.raises(CannotStartError) as caught:
        prepare(replace(SETTINGS, listen=Listen("", port)), lambda: SETTINGS)
    message = str(caught.value)
    assert message.startswith(said)
    assert (PRIVILEGED in message) == (PRIVILEGED in said)
    assert "attempting" not in message
    assert "\n" not in message


def test_the_admin_listener_names_them_too(monkeypatch):
    monkeypatch.setattr(admin, "bind", refuse(errno.EACCES))
    with pytest.raises(CannotStartError) as caught:
        prepare(replace(SETTINGS, admin=Listen("127.0.0.1", 81)), lambda: SETTINGS)
    assert str(caught.value).startswith(f"cannot listen on 127.0.0.1:81 (-admin): Permission denied{PRIVILEGED}")


def test_a_pid_file_that_cannot_be_written_stops_the_start(tmp_path):
    with pytest.raises(CannotStartError) as caught:
        write_pid_file(prepare(replace(SETTINGS, pid_file=str(tmp_path / "nowhere" / "pid")), lambda: SETTINGS))
    assert str(caught.value) == f"cannot write {tmp_path}/nowhere/pid (-pid-file): No such file or directory"
