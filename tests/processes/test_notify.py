import os
import socket

import pytest

from httptee.processes import notify


@pytest.fixture(params=["a path", "the abstract namespace"])
def told(request, tmp_path, monkeypatch):
    name = str(tmp_path / "notify") if request.param == "a path" else f"@httptee-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(name.replace("@", "\0"))
        sock.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        yield lambda: sock.recv(1000).decode()


def test_it_says_when_it_is_ready_when_it_reloads_and_when_it_stops(told):
    notify.ready()
    assert told() == "READY=1\nSTATUS=serving"
    notify.reloading()
    first, second = told().split("\n")
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdigit()
    notify.stopping()
    assert told() == "STOPPING=1"


@pytest.mark.parametrize("address", ["", "no-path", "/nowhere/at/all"])
def test_nothing_happens_where_nobody_listens(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.ready()


@pytest.mark.parametrize(
    ("microseconds", "process", "expected"),
    [("", "", None), ("0", "", None), ("many", "", None), ("4000000", "", 2.0), ("4000000", "1", None)],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(monkeypatch, microseconds, process, expected):
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    if process:
        monkeypatch.setenv("WATCHDOG_PID", process)
    assert notify.watchdog_seconds() == expected


def test_the_pid_file_has_the_pid_and_is_removed_at_the_end(tmp_path):
    name = tmp_path / "httptee.pid"
    name.write_text("a stale number, left by a tee that was killed\n")
    file = notify.PidFile(str(name))
    file.write()
    assert name.read_text() == f"{os.getpid()}\n"
    assert [each.name for each in tmp_path.iterdir()] == ["httptee.pid"]
    file.remove()
    assert not name.exists()
    file.remove()


def test_the_pid_file_of_another_process_stays(tmp_path):
    name = tmp_path / "httptee.pid"
    file = notify.PidFile(str(name))
    file.write()
    name.write_text("1\n")
    file.remove()
    assert name.read_text() == "1\n"


def test_a_pid_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "httptee.pid").mkdir()
    with pytest.raises(OSError, match="directory"):
        notify.PidFile(str(tmp_path / "httptee.pid")).write()
    assert [each.name for each in tmp_path.iterdir()] == ["httptee.pid"]


def test_without_a_name_there_is_no_pid_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = notify.PidFile("")
    file.write()
    file.remove()
    assert not list(tmp_path.iterdir())
