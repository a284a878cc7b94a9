"""The programs a run starts: each in a process group and a directory of its own, each ended whatever happens.

Not in a session of its own: where autogroup is on, the kernel shares processor time out by session first, and a tee
that takes most of a core is then interrupted for every packet that A, B or the load get. That tells nothing of a tee.
"""

from __future__ import annotations

import atexit
import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from . import measure

GRACE = 5.0
"""Seconds a program gets to end by itself. A tee that drains a dead B longer than that is cut short."""

DEBIAN = {"nginx": "nginx", "wrk": "wrk", "hey": "hey", "influxd": "influxdb", "influx": "influxdb-client",
          "slowhttptest": "slowhttptest"}  # fmt: skip


class BenchError(Exception):
    """A run that cannot go on; the message is for whoever started it."""


class NotStartedError(BenchError):
    """A program that did not come up."""


def program(name: str) -> str:
    """Where a program is, or an error that names the Debian package it is in."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise BenchError(f"{name} is not installed: apt-get install {DEBIAN.get(name, name)}")
    return path


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def neutral_environment() -> dict[str, str]:
    """The environment without what would steer one subject and not another."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("HTTPTEE") and not name.lower().endswith("_proxy") and name != "PYTHONPATH"
    }


class Process:
    """A program that runs in a group of its own, so that its children are known, measured and ended with it."""

    def __init__(self, name: str, argv: Sequence[str], directory: Path, env: dict[str, str]) -> None:
        self.name = name
        self.log = directory / "output.log"
        # Before Python 3.11 a group of its own takes a session.
        apart: dict[str, Any] = {"process_group": 0} if sys.version_info >= (3, 11) else {"start_new_session": True}
        with self.log.open("wb") as log:
            try:
                self._popen = subprocess.Popen(
                    list(argv),
                    cwd=directory,
                    env={**neutral_environment(), **env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    **apart,
                )
            except OSError as error:
                raise NotStartedError(f"{argv[0]}: {error.strerror}") from error
        self.group = self._popen.pid

    @property
    def running(self) -> bool:
        """Whether the program itself is still there."""
        return self._popen.poll() is None

    def last_words(self) -> str:
        """The last line the program wrote."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it wrote nothing"

    def wait_ready(self, port: int, path: str = "/", seconds: float = 15.0) -> None:
        """Return once a request through the program is answered; a port that merely accepts is not enough."""
        deadline = time.monotonic() + seconds
        problem = "no answer"
        while time.monotonic() < deadline:
            if not self.running:
                raise NotStartedError(self.last_words())
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            try:
                connection.request("GET", path)
                status = connection.getresponse().status
                if status < 400:
                    return
                problem = f"it answers {status}"
            except (OSError, http.client.HTTPException) as error:
                problem = str(error) or type(error).__name__
            finally:
                connection.close()
            time.sleep(0.05)
        raise NotStartedError(f"not ready after {seconds:g} s: {problem}")

    def end(self) -> None:
        """End the program and all it started. May be called twice."""
        if self.running:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(GRACE)
        for pid in measure.members(self.group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()


class Workspace:
    """A temporary directory and the programs started in it; leaving ends all of them and removes it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="bench-"))
        self.directory.chmod(0o755)
        self._processes: list[Process] = []
        self._made = 0
        atexit.register(self.close)

    def subdirectory(self, name: str) -> Path:
        """A new directory."""
        self._made += 1
        path = self.directory / f"{self._made}-{name}"
        path.mkdir()
        return path

    def start(
        self, name: str, argv: Sequence[str], env: dict[str, str] | None = None, directory: Path | None = None
    ) -> Process:
        """Start a program, to be ended with `end` or with the workspace."""
        process = Process(name, argv, directory or self.subdirectory(name), env or {})
        self._processes.append(process)
        return process

    def end(self, process: Process) -> None:
        """End one program."""
        process.end()
        if process in self._processes:
            self._processes.remove(process)

    def close(self) -> None:
        """End everything, last started first. May be called twice."""
        while self._processes:
            self._processes.pop().end()
        shutil.rmtree(self.directory, ignore_errors=True)
        atexit.unregister(self.close)

    def __enter__(self) -> Workspace:
        """The workspace itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self.close()


def exit_on_signals() -> None:
    """Turn the signals that end a program into an exit that ends what it started as well."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
