"""One program: a process group and a directory for it, its start, its readiness and its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import BenchError, NotStartedError
from . import measure
from .sessions import Sessions

ROOT = Path(__file__).resolve().parents[2]
"""The directory of the checkout."""
PROGRAMS = Path(__file__).resolve().parent
"""The directory of the scripts that run as processes."""
GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""
DEBIAN = {"nginx": "nginx", "wrk": "wrk", "hey": "hey", "influxd": "influxdb", "influx": "influxdb-client",
          "slowhttptest": "slowhttptest"}  # fmt: skip
"""Debian's package for each program."""


def program(name: str) -> str:
    """The path of a program. Raises BenchError with the name of the Debian package."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise BenchError(f"{name} is not installed: apt-get install {DEBIAN.get(name, name)}")
    return path


def free_port() -> int:
    """A port of the loopback interface on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def neutral_environment() -> dict[str, str]:
    """The environment without the variables that change one subject and not another."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("HTTPTEE") and not name.lower().endswith("_proxy") and name != "PYTHONPATH"
    }


class Process:
    """A program in its own process group, so that all its children can be found, measured and ended."""

    def __init__(
        self, name: str, argv: Sequence[str], directory: Path, env: dict[str, str], sessions: Sessions = Sessions.ONE
    ) -> None:
        self.name = name
        self.log = directory / "output.log"
        with self.log.open("wb") as log:
            try:
                self._popen = subprocess.Popen(
                    list(argv),
                    cwd=directory,
                    env={**neutral_environment(), **env},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    **sessions.popen_apart,
                )
            except OSError as error:
                raise NotStartedError(f"{argv[0]}: {error.strerror}") from error
        self.group = self._popen.pid

    @property
    def running(self) -> bool:
        """Whether the program itself runs."""
        return self._popen.poll() is None

    def last_words(self) -> str:
        """The last line of the program's output."""
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it wrote nothing"

    def wait_ready(
        self, port: int, path: str = "/", seconds: float = 15.0, certificate: Path | None = None
    ) -> None:  # fmt: skip
        """Return after the first answered request. An accepted connection is not enough.

        With a certificate the request goes over TLS. Raises NotStartedError.
        """
        deadline = time.monotonic() + seconds
        while (problem := request_problem(port, path, certificate)) and time.monotonic() < deadline:
            if not self.running:
                raise NotStartedError(self.last_words())
            time.sleep(0.05)
        if problem:
            raise NotStartedError(f"not ready after {seconds:g} s: {problem}")

    def end(self) -> None:
        """End the program and all its children. May be called twice."""
        if self.running:
            self._popen.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(GRACE)
        for pid in measure.members(self.group):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait()


def request_problem(port: int, path: str, certificate: Path | None) -> str:
    """The reason why a GET has no answer below 400, or an empty text."""
    if certificate is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    else:
        context = ssl.create_default_context(cafile=certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
        return "" if status < 400 else f"it answers {status}"
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def finish(
    argv: list[str], seconds: float, sessions: Sessions = Sessions.ONE, env: dict[str, str] | None = None
) -> str:
    """Run a program to its end, and return its output. `env` is added to the environment."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=seconds, check=False, env={**os.environ, **(env or {})},
            **sessions.popen
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{Path(argv[0]).name} did not end within {seconds:g} s") from error
    return str(done.stdout + done.stderr)
