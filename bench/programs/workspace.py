"""The programs of a run and their directories. All of them end with the run, also after an error or a signal."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType, TracebackType

from .processes import Process, finish
from .sessions import Sessions


class Workspace:
    """A temporary directory and the programs started in it, all in one arrangement of sessions.

    The end of the `with` block ends the programs and removes the directory.
    """

    def __init__(self, sessions: Sessions = Sessions.ONE) -> None:
        self.sessions = sessions
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
        """Start a program. It ends with `end` or with the workspace."""
        process = Process(name, argv, directory or self.subdirectory(name), env or {}, self.sessions)
        self._processes.append(process)
        return process

    @contextlib.contextmanager
    def started(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None) -> Iterator[Process]:
        """A program that runs as long as the block."""
        process = self.start(name, argv, env)
        try:
            yield process
        finally:
            self.end(process)

    def finish(self, argv: list[str], seconds: float) -> str:
        """Run a program to its end, and return its output."""
        return finish(argv, seconds, self.sessions)

    def end(self, process: Process) -> None:
        """End one program."""
        process.end()
        if process in self._processes:
            self._processes.remove(process)

    def close(self) -> None:
        """End all programs, the last one first. May be called twice."""
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
        """End all programs."""
        self.close()


def exit_on_signals() -> None:
    """Turn SIGTERM and SIGHUP into SystemExit, so that the programs of the run end too."""

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
