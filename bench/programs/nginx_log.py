"""An nginx that logs each request with the time at which it came, and its body."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .nginx import nginx_command
from .processes import Process
from .workspace import Workspace

# The body is in the log only where nginx has read it, which it does for a proxy: so the server is its own upstream.
REST = r"""
    log_format bench '$msec $request_time "$http_x_httptee_replay" "$request_method $request_uri" "$request_body"';
    upstream self {{ server 127.0.0.1:{sink}; keepalive 256; keepalive_requests 1000000000; }}
    server {{ listen 127.0.0.1:{sink} backlog=4096; location / {{ return 200 "ok"; }} }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        client_body_buffer_size 1m; client_body_in_single_buffer on;
        proxy_http_version 1.1; proxy_set_header Connection "";
        access_log {directory}/bench.log bench;
        location / {{ return 200 "ok"; }}
        location /body/ {{ proxy_pass http://self; }}
    }}
}}
"""
_LINE = re.compile(r'([\d.]+) ([\d.]+) "(\d+)" "([^"]*)" "([^"]*)"')
_ESCAPED = re.compile(r"\\x([0-9A-F]{2})")


@dataclass(frozen=True)
class Logged:
    """One request: its number in the replay, when it came (seconds since the epoch, within a millisecond), and what it
    asked for."""

    number: int
    at: float
    request: str
    body: bytes


class LoggingNginx:
    """An nginx in a workspace. It ends with that."""

    def __init__(self, workspace: Workspace, port: int, sink: int) -> None:
        argv, self._directory = nginx_command(workspace, "nginx", REST, port=port, sink=sink)
        self.process: Process = workspace.start("nginx", argv, directory=self._directory)
        self.process.wait_ready(port)
        self.port = port

    @property
    def log(self) -> Path:
        """The log."""
        return self._directory / "bench.log"

    def requests(self) -> Iterator[Logged]:
        """The requests so far."""
        for line in self.log.read_text(encoding="latin-1").splitlines():
            if (found := parsed(line)) is not None:
                yield found


def parsed(line: str) -> Logged | None:
    """A line of the log, or None for another one."""
    found = _LINE.fullmatch(line)
    if not found:
        return None
    at = float(found[1]) - float(found[2]) + 0.0005  # nginx cuts both to milliseconds
    body = "" if found[5] == "-" else _ESCAPED.sub(lambda one: chr(int(one[1], 16)), found[5])
    return Logged(int(found[3]), at, found[4], body.encode("latin-1"))
