"""A running hostile server, and its count."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..processes import ROOT, Process, free_port
from ..sockets import wait_listening
from ..workspace import Workspace
from .server import WORD


@dataclass(frozen=True)
class HostileBackend:
    """A running server. `url` is https where it breaks off handshakes."""

    process: Process
    port: int
    url: str
    counter: Path

    def count(self) -> int:
        """Requests so far, in `refused-tls` handshakes."""
        return int(WORD.unpack(self.counter.read_bytes())[0])


@contextlib.contextmanager
def hostile_backend(workspace: Workspace, mode: str) -> Iterator[HostileBackend]:
    """A server in this mode as long as the block runs."""
    port, counter = free_port(), workspace.subdirectory("count") / "requests"
    counter.write_bytes(bytes(WORD.size))
    argv = [sys.executable, "-m", "bench.programs.hostile.server", mode, str(port), str(counter)]
    with workspace.started(mode, argv, {"PYTHONPATH": str(ROOT)}) as process:
        wait_listening(port)
        yield HostileBackend(
            process, port, f"{'https' if mode == 'refused-tls' else 'http'}://127.0.0.1:{port}", counter
        )
