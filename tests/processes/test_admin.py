"""The admin listener where the system has no room for its process or its threads."""

import errno
import os
import signal
import threading

import pytest

from httptee.build import Watching, build_ledger
from httptee.http.endpoint import Endpoint, Listen
from httptee.processes import admin as module
from httptee.processes import child
from httptee.processes.admin import AdminProcess
from httptee.settings.settings import Settings
from httptee.verdict.evidence import Evidence
from httptee.verdict.pairs import Tallies
from tests.support.client import ask
from tests.support.net import eventually

SETTINGS = Settings(processes=2, pin=False, a=Endpoint.parse("127.0.0.1:1"), admin=Listen("127.0.0.1", 0))


@pytest.fixture
def admin(monkeypatch):
    monkeypatch.setattr(child, "_SHORTEST_LIFE", 0.0)
    made = AdminProcess(SETTINGS, build_ledger(SETTINGS, 2))
    yield made
    made.stop()


def port(admin):
    return admin.sockets[0].getsockname()[1]


def test_a_fork_that_fails_is_tried_again(admin, monkeypatch, caplog):
    def fail():
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fork", fail)
        assert admin.keep() <= 1.0
    assert "cannot start the admin process: Cannot allocate memory; it is tried again" in caplog.text
    admin.keep()
    assert ask(port(admin), target="/metrics").status == 200


def test_the_evidence_is_that_of_the_judge_that_works_now(admin, tmp_path):
    for name in ("one", "two"):
        Evidence(str(tmp_path / name)).close()

    tallies = Tallies(["b"])

    def directory():
        return ask(port(admin), target="/verdict").body.decode()

    admin.watching = Watching(tallies, None, str(tmp_path / "one"))
    admin.keep()
    assert f'"directory": "{tmp_path}/one"' in directory()
    admin.replace(SETTINGS, build_ledger(SETTINGS, 2), Watching(tallies, None, str(tmp_path / "two")))
    eventually(lambda: admin.keep() and not admin.changing and f"{tmp_path}/two" in directory())
    admin.replace(SETTINGS, build_ledger(SETTINGS, 2))
    eventually(lambda: admin.keep() and not admin.changing and "see the option -verdict" in directory())


def test_while_the_tee_drains_no_other_process_is_started_and_the_port_refuses(admin, monkeypatch, caplog):
    admin.keep()
    assert ask(port(admin), target="/metrics").status == 200
    admin.watch()
    where = port(admin)
    assert ask(where, target="/healthz").status == 503  # no worker process in this test, but an answer
    os.kill(admin._pid, signal.SIGKILL)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("another process"))
    eventually(lambda: admin.watch() or not admin.sockets)
    admin.watch()
    assert admin.keep() == 3600.0
    with pytest.raises(ConnectionRefusedError):
        ask(where)
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_a_process_that_dies_is_replaced_and_the_log_says_how_it_ended(admin, caplog):
    admin.keep()
    os.kill(admin._pid, signal.SIGKILL)
    eventually(lambda: admin.keep() and "the admin process was killed by SIGKILL; another starts" in caplog.text)


def test_a_thread_that_cannot_be_started_is_tried_again(admin, monkeypatch, caplog):
    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        admin.start_thread()
    assert "the admin listener is tried again" in caplog.text
    before = threading.active_count()
    admin.start_thread()
    admin.start_thread()
    assert ask(port(admin), target="/metrics").status == 200
    assert sum(thread.name == "admin" for thread in threading.enumerate()) == 1
    assert threading.active_count() > before


def test_a_check_whose_thread_cannot_be_started_is_tried_again(monkeypatch):
    check = module.check_of(Settings(a=Endpoint.parse("127.0.0.1:1"), a_check="/x"))

    def fail(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        check.start()
    check.start()
    check.start()
    eventually(lambda: check.said == "connect")
    check.stop()
    check._thread.join()
    check.start()
