import os
import resource
import threading

import pytest

from httptee.http.endpoint import Listen
from httptee.processes.limits import threads as module
from httptee.processes.limits.threads import threads_of, within_threads
from httptee.settings.backend import Backend
from httptee.settings.settings import Settings

SETTINGS = Settings(threads=100, processes=2, b_workers=20, b=(Backend.parse("b:1"),) * 2)
WANTED = 2 + 2 * (7 + 50 + 2 * (2 + 10))
OWN = 10


@pytest.fixture
def limits(monkeypatch, tmp_path):
    """Pretended limits: of a cgroup in version 1 or 2, and of the user. This tee has `OWN` threads."""

    def pretend(cgroups="", user=resource.RLIM_INFINITY, uid=1000, **files):
        own = tmp_path / "own"
        own.write_text(cgroups)
        for path, (most, current) in files.items():
            folder = tmp_path / path.replace("_", "/")
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "pids.max").write_text(f"{most}\n")
            (folder / "pids.current").write_text(f"{current}\n")
        monkeypatch.setattr(module, "_CGROUPS", tmp_path / "top")
        monkeypatch.setattr(module, "_OWN_CGROUPS", own)
        monkeypatch.setattr(module, "_own_threads", lambda: OWN)
        monkeypatch.setattr(resource, "getrlimit", lambda which: (user, user))
        monkeypatch.setattr(os, "geteuid", lambda: uid)

    return pretend


def test_the_threads_of_all_processes_are_counted():
    assert threads_of(SETTINGS) == WANTED
    assert threads_of(Settings(processes=1, threads=3, admin=Listen("127.0.0.1", 1))) == 2 + 7 + 7 + 3
    assert threads_of(Settings(processes=1, threads=3, verdict="memory")) == 2 + 7 + 7 + 3


@pytest.mark.parametrize(
    ("cgroups", "files"),
    [
        ("", {}),
        ("0::/a/b\n", {"top_a_b": ("max", 5)}),
        ("0::/\n", {"top": (WANTED + 30, 40)}),
        ("7:cpu,cpuacct:/a\n", {"top_a": (1, 1), "top_cpu,cpuacct_a": (1, 1)}),
        ("8:pids:/gone\n", {}),
    ],
)
def test_without_a_limit_or_with_one_that_is_high_enough_nothing_changes(limits, caplog, cgroups, files):
    limits(cgroups, **files)
    assert within_threads(SETTINGS) is SETTINGS
    assert not caplog.records


@pytest.mark.parametrize(
    ("cgroups", "files", "name"),
    [
        ("0::/a/b\n", {"top_a_b": (90, 30)}, "top/a/b/pids.max is 90, others use 20"),
        ("0::/a/b\n", {"top_a": (90, 30), "top_a_b": ("max", 30)}, "top/a/pids.max is 90, others use 20"),
        ("0::/\n", {"top": (90, 30)}, "top/pids.max is 90, others use 20"),
        ("9:memory:/x\n8:pids:/a\n0::/\n", {"top_pids_a": (90, 30)}, "top/pids/a/pids.max is 90, others use 20"),
    ],
)
def test_a_cgroup_that_is_too_small_is_reported_and_the_tee_takes_what_fits(limits, caplog, cgroups, files, name):
    limits(cgroups, **files)
    fewer = within_threads(SETTINGS)
    (message,) = (record.getMessage() for record in caplog.records)
    assert message.startswith(f"{WANTED} threads and processes may be needed, and 70 may be started (")
    assert name in message
    assert f"for now the limits are {fewer.threads} threads for A and {fewer.b_workers} for each B" in message
    assert 60 <= threads_of(fewer) <= 70
    assert (fewer.threads / SETTINGS.threads) == pytest.approx(fewer.b_workers / SETTINGS.b_workers, abs=0.05)


def test_the_limit_of_a_user_counts_but_not_for_root(limits, caplog):
    limits(user=70)
    assert threads_of(within_threads(SETTINGS)) <= 70
    assert "RLIMIT_NPROC" in caplog.text
    limits(user=70, uid=0)
    assert within_threads(SETTINGS) is SETTINGS


def test_a_soft_limit_is_raised_to_the_hard_one(limits, monkeypatch):
    limits()
    state = {"limits": (70, 1000)}
    monkeypatch.setattr(resource, "getrlimit", lambda which: state["limits"])
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: state.update(limits=limits))
    assert within_threads(SETTINGS) is SETTINGS
    assert state["limits"] == (1000, 1000)


def test_with_next_to_no_threads_each_process_keeps_one_for_a_and_one_for_each_b(limits):
    limits("0::/\n", top=(5, OWN))
    fewer = within_threads(SETTINGS)
    assert (fewer.threads, fewer.b_workers) == (2, 1)


def test_the_threads_of_this_tee_are_counted():
    before = module._own_threads()
    assert before >= 1
    child = os.fork()
    if not child:
        os.read(os.pipe()[0], 1)
    try:
        assert module._own_threads() == before + 1
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def test_whether_threads_may_be_started_is_found_by_starting_them(monkeypatch):
    start = threading.Thread.start

    def limited(thread):
        if threading.active_count() >= most:
            raise RuntimeError("can't start new thread")
        start(thread)

    most = threading.active_count() + 3
    monkeypatch.setattr(threading.Thread, "start", limited)
    assert [module.may_start(count) for count in (3, 4, 3)] == [True, False, True]
