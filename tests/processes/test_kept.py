"""A child that is started again, forked for real."""

import errno
import os
import resource
import signal
import time

import pytest

from httptee.processes import child as children
from httptee.processes import kept as module
from httptee.processes.kept import NEVER, Kept, Priority
from tests.support.net import eventually
from tests.support.process import suspend


def sleeps(wanted):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    while wanted():
        time.sleep(0.01)


@pytest.fixture
def child():
    made = Kept("useful")
    yield made
    made.stop(0.0)


def test_it_is_started_once_and_again_when_it_has_died(child, caplog):
    assert child.keep(sleeps) == NEVER
    first = child.pid
    assert repr(child) == f"<Kept [useful process, pid {first}]>"
    child.keep(sleeps)
    assert child.pid == first
    os.kill(first, signal.SIGKILL)
    eventually(lambda: child.collect(wanted=True))
    assert child.pid == 0
    assert 0.0 < child.next_event(wanted=True) <= 0.1
    eventually(lambda: child.keep(sleeps) == NEVER)
    assert child.pid not in (0, first)
    assert "the useful process was killed by SIGKILL; another starts in 0.1 s" in caplog.text


def test_without_a_body_none_is_started(child):
    assert child.keep(None) == NEVER
    assert child.pid == 0


def test_one_that_was_told_to_end_is_followed_at_once_and_without_a_warning(child, caplog):
    child.keep(sleeps)
    first = child.pid
    child.end(100.0)
    assert child.ending
    eventually(lambda: child.keep(sleeps) and child.pid not in (0, first))
    assert not child.ending
    assert caplog.text == ""


def test_one_that_does_not_end_is_killed(child):
    child.keep(sleeps)
    suspend(child.pid)
    child.end(0.0)
    assert child.next_event(wanted=False) == 0.1
    eventually(lambda: child.collect(wanted=False))


def test_stop_waits_until_it_has_ended_and_kills_it_then(child):
    child.keep(sleeps)
    pid = child.pid
    suspend(pid)
    child.stop(0.0)
    child.stop(0.0)
    assert child.pid == 0
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_where_the_system_has_no_room_it_is_tried_again_and_each_time_later(child, monkeypatch, caplog):
    def fails(*_):
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(module, "fork", fails)
    waits = []
    for _ in range(9):
        child.start(sleeps)
        waits.append(round(child.next_event(wanted=True), 1))
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert "cannot start the useful process: Resource temporarily unavailable; it is tried again" in caplog.text


def test_stop_does_not_wait_for_one_that_sigkill_does_not_end(child, monkeypatch, caplog):
    child.keep(sleeps)
    pid = child.pid
    with monkeypatch.context() as patched:
        patched.setattr(children, "UNENDING", 0.05)
        patched.setattr(os, "waitpid", lambda *_: (0, 0))
        child.stop(0.0)
    os.waitpid(pid, 0)
    assert child.pid == 0
    assert f"the useful process {pid} does not end after SIGKILL" in caplog.text


def in_a_child(look):
    """What `look` returns of a priority in a process of its own, as a small number."""
    if not (child := os.fork()):
        try:
            os._exit(look(Priority()))
        finally:
            os._exit(111)  # it has raised
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_it_has_the_lowest_priority_and_a_little_more_while_it_is_behind(monkeypatch):
    monkeypatch.setattr(os, "setpriority", lambda *_: None)
    chosen = []
    monkeypatch.setattr(os, "sched_setscheduler", lambda pid, policy, _: chosen.append(policy))

    def look(priority):
        for share in (0.0, 0.2, 0.3, 0.1, 0.01):
            priority.follow(share)
        batch, idle = os.SCHED_BATCH, os.SCHED_IDLE
        return int(chosen == [batch, idle, batch, idle] and os.getpriority(os.PRIO_PROCESS, 0) == 19)

    assert in_a_child(look) == 1


def test_without_the_right_to_leave_the_lowest_priority_it_is_not_used(monkeypatch):
    def fails(*_):
        raise PermissionError

    monkeypatch.setattr(os, "setpriority", fails)  # as for root in a container without CAP_SYS_NICE
    monkeypatch.setattr(resource, "getrlimit", lambda which: (0, 0))

    def look(priority):
        priority.follow(0.0)
        return os.sched_getscheduler(0)

    assert in_a_child(look) == os.SCHED_BATCH


def test_where_the_priority_may_not_be_changed_it_stays(monkeypatch):
    def fails(*_):
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", fails)

    def look(priority):
        priority.follow(0.0)
        return priority.policy

    assert in_a_child(look) == os.SCHED_BATCH
