"""What systemd is told of a service of Type=notify: one datagram each, where $NOTIFY_SOCKET says (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from time import monotonic_ns


def notify(*lines: str) -> None:
    """Send `NAME=value` lines. Nothing happens where nobody asked, and nothing where nobody listens."""
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
        pass  # a service that serves is not to fail over it


def ready(status: str = "serving") -> None:
    """The service is up, or up again after `reloading`."""
    notify("READY=1", f"STATUS={status}")


def reloading() -> None:
    """A reload has begun; `ready` ends it, whether it came to something or not."""
    notify("RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")


def stopping() -> None:
    """The service is about to end."""
    notify("STOPPING=1")


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear `alive` at least, with time to spare; None where it does not."""
    asked = os.environ.get("WATCHDOG_USEC", "")
    mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(asked) / 1e6 / 2 if asked.isdigit() and int(asked) and mine else None


def alive() -> None:
    """The service has not hung."""
    notify("WATCHDOG=1")
