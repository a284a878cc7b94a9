"""Messages to systemd for a service of Type=notify: one datagram each, to $NOTIFY_SOCKET (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from time import monotonic_ns


def notify(*lines: str) -> None:
    """Send `NAME=value` lines. Does nothing without $NOTIFY_SOCKET, and ignores a failure to send."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):  # the abstract namespace
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.setblocking(False)
            sock.sendto("\n".join(lines).encode(), address)
    except OSError:
        pass  # this must not end a service that works


def ready(status: str = "serving") -> None:
    """Report that the service is up, or up again after `reloading`."""
    notify("READY=1", f"STATUS={status}")


def reloading() -> None:
    """Report that a reload has begun. `ready` ends it, even if the reload failed."""
    notify("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")


def stopping() -> None:
    """Report that the service is about to end."""
    notify("STOPPING=1")


def watchdog_seconds() -> float | None:
    """Seconds between two calls of `alive`: half of what systemd requires. None without a watchdog."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(asked) / 1e6 / 2 if asked.isdigit() and int(asked) and mine else None


def alive() -> None:
    """Report that the service works (the watchdog)."""
    notify("WATCHDOG=1")
