"""Ports, patience and required programs."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds after which something that was to happen eventually counts as not happening; no test asserts less."""

REQUIRE_SERVERS = "HTTPTEE_REQUIRE_SERVERS"
"""Environment variable that turns a missing program from a skip into a failure."""

# Taken out of the environment: httptee warns of a variable with this prefix that it does not know.
_REQUIRED = os.environ.pop(REQUIRE_SERVERS, "") == "1"


def _own_ports() -> Iterator[int]:
    """The ports that `free_port` tries, in turn: a range for each worker of pytest-xdist, so that no two try the same.

    They are below those that the kernel gives to connections and to servers on port 0: none of these takes one of them
    between `free_port` and the start of the server it is for. Each process begins somewhere else, for other runs.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first, count = 12_000 + 2_500 * worker, 2_500
    start = os.getpid() * 37
    return itertools.cycle(first + (start + number) % count for number in range(count))


_ports = _own_ports()


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody listens on at this moment, and that nobody else is given."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in _ports:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                return port
    raise AssertionError("the ports are tried for ever")


@contextmanager
def refusing_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that refuses connections for as long as the block runs: bound, so nobody takes it, but not listening."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as held:
        held.bind((host, 0))
        yield int(held.getsockname()[1])


@contextmanager
def unaccepting_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port whose backlog is full: further connections get no answer at all, neither accepted nor refused."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind((host, 0))
        listener.listen(0)
        fillers = [
            socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) for _ in range(4)
        ]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield int(listener.getsockname()[1])
        finally:
            for filler in fillers:
                filler.close()


def eventually(probe: Callable[[], T], what: str = "the condition", patience: float = PATIENCE) -> T:
    """Call `probe` until it returns something true, and return that; fail when patience runs out.

    The first calls follow each other closely, because most conditions hold within a millisecond or two.
    """
    deadline = time.monotonic() + patience
    pause = 0.0005
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come about within {patience:g} s (last: {result!r})")
        time.sleep(pause)
        pause = min(2 * pause, 0.02)


def ipv6_or_skip() -> None:
    """Skip the test on a machine without an IPv6 loopback."""
    try:
        free_port("::1")
    except OSError as error:
        pytest.skip(f"no IPv6 loopback: {error}")


def require(program: str) -> str:
    """The path of a program. Without it the test skips, or fails where HTTPTEE_REQUIRE_SERVERS=1 is set."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin:/sbin")
    if path is None:
        message = f"{program} is not installed"
        if _REQUIRED:
            pytest.fail(f"{message}, and {REQUIRE_SERVERS}=1 is set")
        pytest.skip(message)
    return path
