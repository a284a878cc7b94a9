"""`httptee ctl` and a tee under load."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.load import Load
from tests.support.net import PATIENCE, eventually
from tests.support.process import clean_environment
from tests.support.tee import Tee, run_tee

pytestmark = pytest.mark.integration


def ctl(path: Path, *words: str, code: int = 0) -> str:
    """What the command prints; it must end with this status."""
    done = subprocess.run(
        [sys.executable, "-m", "httptee", "ctl", "-control", str(path), *words],
        stdin=subprocess.DEVNULL,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def status(path: Path) -> Any:
    return json.loads(ctl(path, "status", "--json"))


@contextmanager
def running(tmp_path: Path, processes: int, *words: str) -> Iterator[tuple[Tee, Path, Backend]]:
    path = tmp_path / "control"
    with Backend() as a, Backend() as b:
        arguments = ("-a", a.url, "-b", f"{b.url} name=canary", "-processes", str(processes), "-no-pin")
        with Tee(*arguments, "-control", str(path), *words) as tee:
            yield tee, path, b
        assert not path.exists()


@pytest.mark.parametrize("processes", [1, 2])
def test_a_pause_under_load_fails_no_request_and_a_resume_brings_b_back(processes: int, tmp_path: Path) -> None:
    with running(tmp_path, processes) as (tee, path, b), Load(tee.port, clients=4, pause=0.001) as load:
        eventually(lambda: len(b.requests) > 50, "clones at B")
        assert ctl(path, "pause", "canary") == "canary gets nothing until it is resumed\n"
        eventually(lambda: not status(path)["b"][0]["in_flight"], "the end of the clones in flight")
        got, answered = len(b.requests), load.answered
        eventually(lambda: load.answered > answered + 200, "more answers")
        found = status(path)["b"][0]
        assert len(b.requests) == got
        assert found["ledger"]["dropped_by_reason"]["paused"] >= 200
        assert found["orders"] == {"paused": True, "percent": None, "rate_part": None}
        ctl(path, "resume", "canary")
        eventually(lambda: len(b.requests) > got, "B gets clones again")
        load.stop()
        assert load.troubles == []


@pytest.mark.parametrize("processes", [1, 2])
def test_orders_outlive_worker_processes_and_reloads_and_show_beside_the_file(processes: int, tmp_path: Path) -> None:
    with running(tmp_path, processes) as (tee, path, b), Load(tee.port, clients=2, pause=0.002) as load:
        ctl(path, "percent", "canary", "0")
        ctl(path, "log-level", "debug")
        if processes > 1:
            pids = [worker["pid"] for worker in status(path)["workers"]]
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
            eventually(lambda: len({w["pid"] for w in status(path)["workers"]} - {*pids}) == 2, "other workers")
        assert "reloaded" in ctl(path, "reload")
        found = status(path)
        assert (found["b"][0]["percent"], found["b"][0]["orders"]["percent"]) == (0.0, 0.0)
        assert found["b"][0]["line"].find(" percent=100 ") > 0  # the file's
        assert (found["control"]["log_level"], found["reload"]["done"]) == ("debug", True)
        assert found["control"]["commands"]["percent"] == {"done": 1, "refused": 0}
        assert "0 percent by order" in ctl(path, "status")
        before, answered = len(b.requests), load.answered
        eventually(lambda: load.answered > answered + 50, "more answers")
        assert len(b.requests) == before
        ctl(path, "percent", "canary", "file")
        eventually(lambda: len(b.requests) > before, "B gets clones again")
        load.stop()
        assert load.troubles == []


def test_a_reload_that_is_refused_is_said(tmp_path: Path) -> None:
    file = tmp_path / "tee.ini"
    file.write_text("")
    with running(tmp_path, 2, "--config", str(file)) as (_, path, _):
        file.write_text("nonsense = 1")
        assert "the reload was refused" in ctl(path, "reload", code=1)
        assert status(path)["reload"]["counts"] == {"done": 0, "refused": 1}
        file.write_text("")
        assert ctl(path, "reload").endswith("reloaded\n")


def test_a_client_that_hangs_blocks_neither_signals_nor_supervision(tmp_path: Path) -> None:
    with running(tmp_path, 2) as (tee, path, _):
        hung = []
        for _ in range(30):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(path))
            hung.append(client)
        (first, _) = (worker["pid"] for worker in status(path)["workers"])
        os.kill(first, signal.SIGKILL)
        eventually(lambda: first not in {w["pid"] for w in status(path)["workers"]}, "another worker")
        tee.ledgers()
        tee.program.send_signal(signal.SIGHUP)
        tee.program.wait_for_line("reloaded: 2 new worker processes")
        assert ask(tee.port).status == 200
        for client in hung:
            client.close()


def test_the_process_of_the_socket_is_replaced_and_another_tee_on_the_path_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, 2) as (tee, path, _):
        (pid,) = (each["pid"] for each in status(path)["processes"] if each["kind"] == "control")
        os.kill(pid, signal.SIGKILL)
        tee.program.wait_for_line("the control process was killed by SIGKILL; another starts")
        assert status(path)["workers"]
        second = run_tee("-l", "127.0.0.1:0", "-control", str(path))
        assert (second.returncode, "another process listens there" in second.stderr) == (1, True)
        assert status(path)["workers"]


def test_a_tee_that_was_killed_leaves_a_file_that_the_next_one_replaces(tmp_path: Path) -> None:
    path = tmp_path / "control"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with running(tmp_path, 2) as (_, found, _):
        assert status(found)["workers"]


def test_without_a_tee_or_a_directory_there_is_one_line(tmp_path: Path) -> None:
    assert "no tee answers at" in ctl(tmp_path / "none", "status", code=4)
    refused = run_tee("-l", "127.0.0.1:0", "-control", str(tmp_path / "none" / "control"))
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].endswith("(-control): No such file or directory")
