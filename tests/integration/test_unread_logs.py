"""Logs that nobody reads: neither a client nor the operator waits for them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import PATIENCE, eventually, free_port
from tests.support.process import clean_environment
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

MODES = pytest.mark.parametrize("processes", ["1", "2"])
F_SETPIPE_SZ = 1031


@MODES
def test_a_fifo_without_a_reader_costs_records_and_nothing_else(processes: str, tmp_path: Path) -> None:
    fifo = tmp_path / "access.log"
    os.mkfifo(fifo)
    arguments = ("-access-log", str(fifo), "-processes", processes, "-admin", "127.0.0.1:0")
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, *arguments) as tee:
        admin = int(tee.program.wait_for_line(r"Admin listener at \S+:(\d+)$")[0][1])
        for _ in range(20):
            assert ask(tee.port).status == 200
        tee.settled(20)
        dropped = b"\nhttptee_log_dropped_total 20.0\n"
        eventually(lambda: dropped in ask(admin, target="/metrics").body, "20 dropped records")
        mark = tee.program.mark()
        tee.program.send_signal(signal.SIGHUP)
        tee.program.wait_for_line(r"\breloaded: ", after=mark)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            assert ask(tee.port, target="/read").status == 200
            eventually(lambda: b'"GET /read HTTP/1.1" 200' in _read(reader), "the record")
        finally:
            os.close(reader)
        tee.stop()
        assert "cannot write the access log" in tee.program.output


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


@contextmanager
def unread(*arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A tee whose standard error is a pipe of one page that nobody reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [sys.executable, "-m", "httptee", *arguments],
        stdin=subprocess.DEVNULL,
        stderr=writer,
        env=clean_environment(),
        start_new_session=True,
    )
    try:
        os.close(writer)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(reader)


@MODES
def test_with_a_standard_error_that_nobody_reads_it_starts_serves_reloads_and_ends(
    processes: str, tmp_path: Path
) -> None:
    ini, port = tmp_path / "httptee.ini", free_port()
    with Backend() as old, Backend() as new:
        # The line about each B at the start is enough to fill the pipe.
        many = "".join(f"b = {old.url} name=b{number} methods=PUT\n" for number in range(60))
        ini.write_text(f"a = {old.url}\nallow-same = true\n{many}")
        with unread("-config", str(ini), "-l", f"127.0.0.1:{port}", "-processes", processes) as process:
            eventually(lambda: _answered(port))
            ini.write_text(f"a = {new.url}\nallow-same = true\n{many}")
            process.send_signal(signal.SIGUSR1)
            process.send_signal(signal.SIGHUP)
            eventually(lambda: _answered(port) and new.requests, "a reload")
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


def _answered(port: int) -> bool:
    try:
        return ask(port).status == 200
    except OSError:
        return False
