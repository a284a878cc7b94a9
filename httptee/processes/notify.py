"""What a program that supervises the tee gets: systemd datagrams to $NOTIFY_SOCKET (sd_notify(3)), others a file with
the pid."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
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


class PidFile:
    """The file of `-pid-file`: the pid of the process that gets the signals. Without a name, nothing is done."""

    def __init__(self, name: str) -> None:
        self._path = Path(name) if name else None

    def write(self) -> None:
        """Write the pid of this process, in place of what the file contains. Raises OSError.

        The file appears whole: whoever waits for it never reads half a number.
        """
        if self._path is None:
            return
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            part.write_text(f"{os.getpid()}\n", encoding="ascii")
            part.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()
            raise

    def remove(self) -> None:
        """Remove the file, if it still contains the pid of this process."""
        with contextlib.suppress(OSError):
            if (
                self._path is not None
                and self._path.read_text(encoding="ascii", errors="replace") == f"{os.getpid()}\n"
            ):
                self._path.unlink()
