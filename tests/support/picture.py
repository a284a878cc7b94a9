"""Makes the picture of the page: `python -m tests.support.picture docs/page.png`. It takes five minutes.

A shop behind a tee, a B with two defects, a B that is down with a spool, and a browser that looks at the page. It needs
root's rights, so that the page does not name this machine.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.support.browser import browser
from tests.support.net import free_port, refusing_port
from tests.support.process import Program
from tests.support.tee import Tee
from tests.worlds import SERVICES
from tests.worlds.clients import sent

NAME = "shop-1"
SIZE = (1280, 1580)
RATE = 120.0  # requests a second
SECONDS = 300.0
_CLONE_NEWUTS = 0x04000000


def named() -> None:
    """Give this process and its children a host name of their own (unshare(2))."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUTS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    socket.sethostname(NAME)


def made(path: Path, directory: Path) -> None:
    """Serve the shop for some minutes, then take the picture."""
    world = [sys.executable, "-m", "tests.worlds", "--hits", str(directory / "hits")]
    for name in ("verdict", "spool"):
        (directory / name).mkdir()
    admin = free_port()
    defects = ("--defects", "price,extra")
    with (
        Program([*world, "--side", "a"]) as a,
        Program([*world, "--side", "b", *defects]) as b,
        refusing_port() as down,
    ):
        urls = [side.wait_for_line(r"http://127\.0\.0\.1:\d+")[0][0] for side in (a, b)]
        second = f"http://127.0.0.1:{down} name=second-db percent=20 spool={directory}/spool"
        backends = (f"{urls[1]} name=canary", second)
        options = ("-admin", f"127.0.0.1:{admin}", "-verdict", str(directory / "verdict"), "-processes", "2")
        with Tee("-a", urls[0], *(word for line in backends for word in ("-b", line)), *options) as tee:
            load = (tee.url, SERVICES["shop"], int(SECONDS * RATE * 2))
            threading.Thread(target=sent, args=load, kwargs={"rate": RATE, "connections": 16}, daemon=True).start()
            time.sleep(SECONDS)
            with browser() as reader:
                reader.looks(SIZE)
                reader.open(f"http://127.0.0.1:{admin}/")
                time.sleep(5)
                reader.picture(path, SIZE)
        for side in (a, b):
            side.stop(signal.SIGINT)


if __name__ == "__main__":
    named()
    with tempfile.TemporaryDirectory() as scratch:
        made(Path(sys.argv[1]), Path(scratch))
    os._exit(0)  # the load goes on otherwise
