"""An nginx that logs each request with its time and its body; and when each request comes to its door.

The log says when nginx has taken a request up, to a millisecond. The kernel's stamp of a packet on the loopback
interface says when it was at the door.
"""

from __future__ import annotations

import ctypes
import re
import socket
import struct
import threading
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


_ETH_P_IP = 0x0800
_SO_ATTACH_FILTER, _SO_TIMESTAMPNS, _SO_RCVBUFFORCE = 26, 35, 33
_OUTGOING = 4  # a packet on loopback is seen twice: once as it goes out
_KEPT = 600  # bytes of each packet: the fields of a request
_BUFFER = 64 << 20
_WAIT = 0.2  # seconds until the end is noticed
_NUMBER = re.compile(rb"\r\nX-Httptee-Replay: (\d+)\r\n", re.IGNORECASE)


def _filter(port: int) -> bytes:
    """The kernel's filter for TCP over IPv4 to a port (classic BPF, as `tcpdump -dd` prints it)."""
    program = [
        (0x28, 0, 0, 12), (0x15, 0, 7, _ETH_P_IP), (0x30, 0, 0, 23), (0x15, 0, 5, socket.IPPROTO_TCP),
        (0xB1, 0, 0, 14), (0x48, 0, 0, 16), (0x15, 0, 2, port), (0x06, 0, 0, _KEPT), (0x06, 0, 0, 0), (0x06, 0, 0, 0),
    ]  # fmt: skip
    return b"".join(struct.pack("HBBI", *line) for line in program)


class Door:
    """Notes when each request of a replay comes to a port: `arrivals` by its number, in seconds since the epoch. Only
    for root: raises PermissionError."""

    def __init__(self, port: int) -> None:
        self.arrivals: dict[int, float] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_IP))
        code = ctypes.create_string_buffer(_filter(port))
        program = struct.pack("HL", len(code) // 8, ctypes.addressof(code))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(("lo", _ETH_P_IP))
        self._socket.settimeout(_WAIT)
        self._ended = False
        self._thread = threading.Thread(target=self._note)
        self._thread.start()

    def close(self) -> None:
        """Note what is left, and end."""
        self._ended = True
        self._thread.join()
        self._socket.close()

    def _note(self) -> None:
        while True:
            try:
                data, more, _, address = self._socket.recvmsg(_KEPT, 64)
            except TimeoutError:
                if self._ended:
                    return
                continue
            found = _NUMBER.search(data) if address[2] != _OUTGOING else None
            if found and more:
                seconds, nanoseconds = struct.unpack("ll", more[0][2])
                self.arrivals.setdefault(int(found[1]), seconds + nanoseconds / 1e9)
