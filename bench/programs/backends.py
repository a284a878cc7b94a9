"""A and B: one nginx each, with static answers and a count of its requests; and the servers that misbehave."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .nginx import nginx_command
from .processes import PROGRAMS, Process, free_port
from .sockets import wait_listening
from .workspace import Workspace

LARGE = 1024 * 1024

# /post reads the body to its end before it answers, as applications do. `return` alone answers at once and throws the
# body away, and an early answer of an upstream costs every proxy its connection. Static files refuse POST, but only
# after `mirror` has read the body; the refusal then becomes the answer.
BACKEND = """
    {variants}
    client_body_buffer_size 1m;
    open_file_cache max=16;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {directory}/www;
        location / {{ return 200 {answer}; }}
        location = /large {{ }}
        location = /huge {{ }}
        location = /post {{ mirror /read; error_page 405 =200 @posted; }}
        location = /read {{ internal; return 204; }}
        location @posted {{ return 200 "ok\\n"; }}
    }}
    server {{
        listen 127.0.0.1:{status_port};
        location / {{ stub_status; }}
    }}
}}
"""
ANSWER = '"hello, world\\n"'
# One answer in twenty has another text of the same length.
VARIANTS = f"""split_clients "$request_id" $answer {{ 5% "hello, again\\n"; * {ANSWER}; }}"""


def parse_stub_status(text: str) -> int:
    """The number of requests an nginx has begun to serve, from its status page."""
    numbers = re.search(r"^\s*\d+\s+\d+\s+(\d+)\s*$", text, re.MULTILINE)
    if numbers is None:
        raise ValueError(f"not a stub_status page: {text[:80]!r}")
    return int(numbers[1])


@dataclass
class Backend:
    """A running server and the count of its requests. `count` itself costs one request, which is subtracted."""

    process: Process
    port: int
    status_port: int
    www: Path
    _asked: int = field(default=0)

    @property
    def url(self) -> str:
        """The address on which it listens."""
        return f"http://127.0.0.1:{self.port}"

    def count(self) -> int:
        """Requests that did not come from this method."""
        connection = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=10)
        try:
            connection.request("GET", "/")
            text = connection.getresponse().read().decode("ascii")
        finally:
            connection.close()
        self._asked += 1
        return parse_stub_status(text) - self._asked


def start_backend(workspace: Workspace, name: str, varied: bool = False) -> Backend:
    """Start a server and return after its first answer. `varied`: 5 % of its small answers differ from the others."""
    answers = {"variants": VARIANTS, "answer": "$answer"} if varied else {"variants": "", "answer": ANSWER}
    port, status_port = free_port(), free_port()
    argv, directory = nginx_command(workspace, name, BACKEND, port=port, status_port=status_port, **answers)
    www = directory / "www"
    www.mkdir()
    (www / "large").write_bytes(os.urandom(LARGE))
    (www / "post").touch()
    process = workspace.start(name, argv, directory=directory)
    process.wait_ready(port)
    return Backend(process, port, status_port, www)


class Counting(Protocol):
    """A server with a count of its requests."""

    def count(self) -> int:
        """Requests so far."""
        ...


def settle(backend: Counting, seconds: float = 3.0) -> int:
    """The backend's count after it has stopped rising, or after `seconds` at most."""
    deadline = time.monotonic() + seconds
    count, still = backend.count(), 0
    while still < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = backend.count()
        still = still + 1 if now == count else 0
        count = now
    return count


def offer_huge(backends: Sequence[Backend], size: int) -> Path:
    """Let every backend serve one sparse file of `size` bytes as /huge, and return its path.

    One file for all of them takes the page cache once. It is read here, so that the first transfer pays nothing more
    than the others.
    """
    first, *others = (backend.www / "huge" for backend in backends)
    with first.open("wb") as sparse:
        sparse.truncate(size)
    buffer = bytearray(1 << 20)
    with first.open("rb", buffering=0) as source:
        while source.readinto(buffer):
            pass
    for other in others:
        os.link(first, other)
    return first


@contextlib.contextmanager
def odd_backend(workspace: Workspace, mode: str, *words: str) -> Iterator[int]:
    """The port of a server that misbehaves as `odd_backend.py` says, as long as the block runs."""
    port = free_port()
    with workspace.started(mode, [sys.executable, str(PROGRAMS / "odd_backend.py"), mode, str(port), *words]):
        wait_listening(port)
        if mode == "deaf":
            time.sleep(0.3)  # it fills its backlog
        yield port
