"""Running a program: its output line by line as it comes, and not a trace of it left afterwards."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import pytest

from .net import PATIENCE, eventually


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without the tee's own variables and without proxies, plus `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HTTPTEE_") and not name.lower().endswith("_proxy")
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONWARNINGS": "default::ResourceWarning", **(extra or {})}


def suspend(pid: int) -> None:
    """Stop a process and wait until all its threads stand still: SIGSTOP alone does not wait for them."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: all(map(_stands_still, Path(f"/proc/{pid}/task").iterdir())), "the stop")


def _stands_still(thread: Path) -> bool:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0] == "T"
    except OSError:
        return True  # it has ended


class Program:
    """A program running in a process group of its own, standard output and error read together by a thread."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self.command = list(command)
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(env),
            cwd=cwd,
            start_new_session=True,
            pass_fds=pass_fds,
        )
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name=f"output:{self.pid}")
        self._reader.start()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.stop()
        else:
            self.kill()

    @property
    def output(self) -> str:
        """All it has said so far."""
        with self._more:
            return "\n".join(self.lines)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def mark(self) -> int:
        """Where the output stands, for `wait_for_line(after=...)`."""
        with self._more:
            return len(self.lines)

    def wait_for_line(self, pattern: str, *, after: int = 0, count: int = 1) -> list[re.Match[str]]:
        """The first `count` matches of a pattern in lines from `after` on, waiting for them to be printed."""
        found: list[re.Match[str]] = []

        def enough() -> bool:
            found[:] = [match for line in self.lines[after:] if (match := re.search(pattern, line))]
            return len(found) >= count or self._ended

        with self._more:
            self._more.wait_for(enough, PATIENCE)
        if len(found) < count:
            pytest.fail(f"{self.command} never printed {pattern!r}; it said:\n{self.output}")
        return found[:count]

    def send_signal(self, number: int) -> None:
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM, *, code: int | None = 0) -> str:
        """End it with a signal and return its output; its exit code must be `code` and its group empty afterwards."""
        if self.running and "gunicorn" in self.command:
            workers = [pid for pid in self.group() if pid != self.pid]
            eventually(lambda: all(map(_takes_signals, workers)), "gunicorn's workers")
        if self.running:
            self.send_signal(number)
        return self.wait(code=code)

    def wait(self, *, code: int | None = 0) -> str:
        """Wait for it to end by itself and return its output."""
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"{self.command} does not end; it said:\n{self.output}")
        try:
            eventually(lambda: not self.group(), f"the end of all processes of {self.command[:4]}", PATIENCE / 3)
        finally:
            self.kill()
        assert code is None or status == code, f"{self.command} ended with {status}; it said:\n{self.output}"
        return self.output

    def kill(self) -> None:
        """End it and what it has started, at once. May be called twice."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(PATIENCE)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def group(self) -> list[int]:
        """The processes of its group that are alive, itself included."""
        alive = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    state, _, group = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
                except OSError:
                    continue
                if int(group) == self.pid and state != "Z":
                    alive.append(int(entry.name))
        return alive

    def peak_memory(self) -> int:
        """Bytes: the peak resident sizes of all its processes together."""
        total = 0
        for pid in self.group():
            status = Path(f"/proc/{pid}/status").read_text()
            if match := re.search(r"VmHWM:\s+(\d+) kB", status):
                total += int(match[1]) * 1024
        return total


def _takes_signals(pid: int) -> bool:
    """Whether a worker of gunicorn has its own signal handlers, as for SIGABRT. A SIGTERM before that is lost."""
    try:
        found = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return True  # it has ended
    return found is None or bool(int(found[1], 16) >> (signal.SIGABRT - 1) & 1)
