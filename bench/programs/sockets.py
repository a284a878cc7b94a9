"""The TCP sockets of this machine, from /proc/net/tcp (IPv4 only)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import NotStartedError

ESTABLISHED, LISTEN = "01", "0A"
"""States as the kernel writes them."""


@dataclass(frozen=True)
class TcpSocket:
    """One socket: its port, the peer's port, its state, and the name of its descriptor in /proc/PID/fd."""

    port: int
    peer: int
    state: str
    name: str


def tcp_sockets() -> list[TcpSocket]:
    """Every IPv4 TCP socket."""
    found = []
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        port, peer = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        found.append(TcpSocket(port, peer, fields[3], f"socket:[{fields[9]}]"))
    return found


def connections_to(port: int) -> list[TcpSocket]:
    """The server's end of every established connection to a port."""
    return [each for each in tcp_sockets() if each.port == port and each.state == ESTABLISHED]


def wait_listening(port: int, seconds: float = 10.0) -> None:
    """Wait until a process listens on a port, without a connection: a server with a full backlog counts those."""
    deadline = time.monotonic() + seconds
    while not any(each.port == port and each.state == LISTEN for each in tcp_sockets()):
        if time.monotonic() > deadline:
            raise NotStartedError(f"no process listens on port {port}")
        time.sleep(0.05)
