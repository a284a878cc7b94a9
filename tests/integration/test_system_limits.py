"""A system that has no thread or process left, and the ways in which a tee may be started and ended."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.net import eventually, free_port
from tests.support.process import Program
from tests.support.scripted import ScriptedServer
from tests.support.scripts import blackhole, delayed
from tests.support.tee import Tee

from .test_lifecycle import RELOADED, refused, reload, workers

pytestmark = pytest.mark.integration

# Loaded by Python before the program. As root, no limit of the system's own can be set everywhere.
POOR = """
import errno, os, threading
start, fork, forks = threading.Thread.start, os.fork, [0]

def limited(thread):
    if threading.active_count() >= int(os.environ["MOST_THREADS"]):
        raise RuntimeError("can't start new thread")
    start(thread)

def failing():
    forks[0] += 1
    if str(forks[0]) in os.environ["FAILING_FORKS"].split():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    pid = fork()
    if not pid and str(forks[0]) in os.environ["DYING_FORKS"].split():
        os._exit(3)
    return pid

threading.Thread.start, os.fork = limited, failing
"""


def poor(tmp_path: Path, most_threads: int = 1000, failing: str = "", dying: str = "") -> dict[str, str]:
    """The environment of a program that may have so many threads a process. The forks with the `failing` numbers fail,
    and the children with the `dying` numbers end at once."""
    (tmp_path / "sitecustomize.py").write_text(POOR)
    return {
        "PYTHONPATH": str(tmp_path),
        "MOST_THREADS": str(most_threads),
        "FAILING_FORKS": failing,
        "DYING_FORKS": dying,
    }


# --- Threads and processes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("most", [3, 6, 12])
def test_with_few_threads_every_client_gets_its_answer_and_every_clone_is_accounted_for(
    processes: str, most: int, tmp_path: Path
) -> None:
    options = ("-processes", processes, "-a.timeout", "20000", "-drain-timeout", "1000")
    with ScriptedServer(delayed(0.05)) as a, Backend() as b:
        with Tee("-a", a.url, "-b", b.url, *options, env=poor(tmp_path, most)) as tee:
            clients = [RawClient(tee.port) for _ in range(20)]
            for _ in range(3):
                for client in clients:
                    client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                assert [client.answer().status for client in clients] == [200] * 20
            before = workers(tee)
            for client in clients:
                client.sock.close()
            assert sum(ledger.seen for ledger in tee.ledgers()) == 60
            assert workers(tee) == before
            reload(tee, f"{RELOADED}|reload refused, nothing changes: the process may start no more threads")
            assert ask(tee.port).status == 200
            (ledger,) = tee.stop()
        assert ledger.seen == 61
        assert "the process may start no more threads" in tee.program.output


def test_workers_whose_forks_fail_are_started_later(tmp_path: Path) -> None:
    with Backend() as a, Tee("-a", a.url, "-processes", "2", env=poor(tmp_path, failing="1 2 4")) as tee:
        eventually(lambda: len(workers(tee)) == 2)
        assert ask(tee.port).status == 200
        assert "cannot start a worker process: Resource temporarily unavailable" in tee.program.output


@pytest.mark.parametrize("trouble", ["failing", "dying"])
def test_a_reload_that_fails_changes_nothing_and_the_next_one_works(tmp_path: Path, trouble: str) -> None:
    ini = tmp_path / "httptee.ini"
    with Backend() as a, Backend() as older, Backend() as newer:
        ini.write_text(f"a = {a.url}\nb = {older.url} name=older\n")
        arguments = ("-config", str(ini), "-processes", "2", "-admin", "127.0.0.1:0")
        # The forks: two workers and the admin process, then the two of the first reload.
        with Tee(*arguments, env=poor(tmp_path, **{trouble: "5"})) as tee:
            admin = int(tee.program.wait_for_line(r"Admin listener at \S+:(\d+)$")[0][1])
            eventually(lambda: len(workers(tee)) == 3)
            assert ask(tee.port).status == 200
            tee.settled(1)
            ini.write_text(f"a = {a.url}\nb = {newer.url} name=newer\n")
            serving = eventually(lambda: len(_serving(admin)) == 2 and _serving(admin))
            (old_admin,) = set(workers(tee)) - serving
            reload(tee, "ERROR reload failed, nothing changes")
            eventually(lambda: old_admin not in workers(tee))
            assert ask(admin, target="/metrics").status == 200  # by its successor
            # An admin process that was started for the new workers ends too, and another starts in its place.
            eventually(lambda: _one_beside(serving, tee), "the end of the new worker that did start")
            assert ask(tee.port).status == 200
            tee.settled(2)
            eventually(lambda: b'httptee_shadow_seen_total{backend="older"} 2.0' in ask(admin, target="/metrics").body)
            assert b"newer" not in ask(admin, target="/metrics").body
            status = json.loads(ask(admin, target="/status").body)
            assert [(b["name"], b["url"], b["state"]) for b in status["b"]] == [("older", older.url, "up")]
            reload(tee)
            assert ask(tee.port).status == 200
            newer.wait_for_requests(1)
            tee.stop()


def _one_beside(serving: set[int], tee: Tee) -> bool:
    """Whether the tee has these processes and one more."""
    found = set(workers(tee))
    return serving < found and len(found) == len(serving) + 1


def _serving(admin: int) -> set[int]:
    """The worker processes on the page of the status."""
    return {worker["pid"] for worker in json.loads(ask(admin, target="/status").body)["workers"]}


# --- The start --------------------------------------------------------------------------------------------------------


@contextmanager
def started_by(preparation: str, *arguments: str) -> Iterator[tuple[Program, int]]:
    """A tee, and its port: its output may be lost. Its process runs a line of Python before it becomes the tee."""
    port = free_port()
    command = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{port}", *arguments]
    starter = f"import os, signal, sys; {preparation}; os.execv(sys.argv[1], sys.argv[1:])"
    with Program([sys.executable, "-c", starter, *command]) as program:
        eventually(lambda: not refused(port))
        yield program, port


IGNORING = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)"


def test_a_parent_that_ignores_sigchld_costs_no_worker() -> None:
    with Backend() as a, started_by(IGNORING, "-a", a.url, "-processes", "2") as (program, port):
        for _ in range(2):
            alive = eventually(lambda: len(program.group()) == 3 and set(program.group()))
            victim = min(alive - {program.pid})
            os.kill(victim, signal.SIGKILL)
            eventually(lambda alive=alive, victim=victim: len(set(program.group()) - {victim}) == 3)  # type: ignore[misc]
        assert ask(port).status == 200


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("closed", ["0", "1", "2", "012"])
def test_a_standard_stream_that_is_closed_is_not_taken_by_a_socket(closed: str, processes: str) -> None:
    arguments = ("-processes", processes, "-access-log", "-", "-admin", f"127.0.0.1:{free_port()}")
    closing = f"[os.close(number) for number in {[*map(int, closed)]}]"
    with Backend() as a, Backend() as b, started_by(closing, "-a", a.url, "-b", b.url, *arguments) as (program, port):
        assert ask(port).status == 200
        b.wait_for_requests()
        for pid in program.group():
            for number in closed:
                assert os.readlink(f"/proc/{pid}/fd/{number}") == "/dev/null"
        program.send_signal(signal.SIGUSR1)
        assert ask(port).status == 200
    assert ("seen=2" in program.output) == ("2" not in closed)
    assert ('"GET / HTTP/1.1" 200' in program.output) == ("1" not in closed)


# --- The end ----------------------------------------------------------------------------------------------------------


def test_when_the_supervisor_is_killed_nothing_of_it_is_left() -> None:
    """Also with a clone that a B does not answer, which would hold the drain for its whole time."""
    admin = free_port()
    options = ("-processes", "2", "-admin", f"127.0.0.1:{admin}", "-b.timeout", "600000", "-drain-timeout", "3000")
    with Backend() as a, ScriptedServer(blackhole()) as b:
        tee = Tee("-a", a.url, "-b", b.url, *options).__enter__()
        try:
            eventually(lambda: len(workers(tee)) == 3 and not refused(admin))
            assert ask(tee.port).status == 200
            b.wait_for_requests()
            os.kill(tee.program.pid, signal.SIGKILL)
            eventually(lambda: refused(tee.port) and refused(admin), "closed ports", 2.5)
            eventually(lambda: not tee.program.group(), "the end of all processes")
        finally:
            tee.program.kill()
