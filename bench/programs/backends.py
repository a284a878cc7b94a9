"""A and B: one nginx each, with static answers, counting what it gets."""

from __future__ import annotations

import http.client
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .processes import Process, Workspace, free_port, program

LARGE = 1024 * 1024

# nginx writes its temporary files and its pid below the directory it is told; started by root it would hand its
# worker to an account that may not look into a temporary directory.
HEAD = """\
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
"""

# /post reads the body to its end before it answers, as applications do; `return` alone would answer at once and throw
# the body away, and an upstream that answers early costs every proxy its connection. Static files refuse POST, but only
# after `mirror` has read the body; the refusal then becomes the answer.
BACKEND = """
    client_body_buffer_size 1m;
    open_file_cache max=16;
    default_type text/plain;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {directory}/www;
        location / {{ return 200 "hello, world\\n"; }}
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


def nginx_command(workspace: Workspace, name: str, rest: str, **values: object) -> tuple[list[str], Path]:
    """The command line of an nginx with a configuration of its own, and its directory."""
    directory = workspace.subdirectory(name)
    user = "user root;" if os.geteuid() == 0 else ""
    text = (HEAD + rest).format(directory=directory, user=user, **values)
    config = directory / "nginx.conf"
    config.write_text(text, encoding="ascii")
    return [program("nginx"), "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log")], directory


def parse_stub_status(text: str) -> int:
    """How many requests an nginx has begun to serve, out of its status page."""
    numbers = re.search(r"^\s*\d+\s+\d+\s+(\d+)\s*$", text, re.MULTILINE)
    if numbers is None:
        raise ValueError(f"not a stub_status page: {text[:80]!r}")
    return int(numbers[1])


@dataclass
class Backend:
    """A running server, and how many requests it got. Asking costs it one request, which is not counted."""

    process: Process
    port: int
    status_port: int
    www: Path
    _asked: int = field(default=0)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def count(self) -> int:
        """Requests it got from anyone but this method."""
        connection = http.client.HTTPConnection("127.0.0.1", self.status_port, timeout=10)
        try:
            connection.request("GET", "/")
            text = connection.getresponse().read().decode("ascii")
        finally:
            connection.close()
        self._asked += 1
        return parse_stub_status(text) - self._asked


def start_backend(workspace: Workspace, name: str) -> Backend:
    """Start a server and return once it answers."""
    port, status_port = free_port(), free_port()
    argv, directory = nginx_command(workspace, name, BACKEND, port=port, status_port=status_port)
    www = directory / "www"
    www.mkdir()
    (www / "large").write_bytes(os.urandom(LARGE))
    (www / "post").touch()
    process = workspace.start(name, argv, directory=directory)
    process.wait_ready(port)
    return Backend(process, port, status_port, www)


class Counting(Protocol):
    """A server that says how many requests it got."""

    def count(self) -> int:
        """Requests so far."""
        ...


def settle(backend: Counting, seconds: float = 3.0) -> int:
    """The backend's count once it has stopped rising, or after `seconds` at the latest."""
    deadline = time.monotonic() + seconds
    count, still = backend.count(), 0
    while still < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = backend.count()
        still = still + 1 if now == count else 0
        count = now
    return count
