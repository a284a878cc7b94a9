"""A tee between faulty servers: the parts of bench/torture, set up for a test."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from bench.programs import measure
from bench.torture.operator import Control

from .ledger import Ledger
from .net import eventually, free_port
from .process import Program
from .tee import Tee

ROOT = Path(__file__).parents[2]

OPTIONS = (
    *("-a.timeout", "3000", "-a.idle-timeout", "2000", "-b.timeout", "500"),
    *("-max-request-body", "1500000", "-drain-timeout", "6000"),
    *("-verdict", "memory"),
)
"""Time enough for whatever is meant to succeed, on a busy machine too; so little that what is not is soon over. What
A has begun to answer at a reload is through, one way or the other, before the drain timeout."""

AT_START = 8
"""Serving threads that a worker process begins with (`_QUICK` in the crew)."""


@dataclass(frozen=True)
class Resources:
    """What the processes of a tee hold: descriptors by what is at their other end, and threads; memory in bytes."""

    to_clients: int
    to_upstreams: int
    others: int
    threads: int
    memory: int


@dataclass(frozen=True)
class Stage:
    """A running tee with its faulty A and B."""

    tee: Tee
    a: Control
    b: Control
    ports: tuple[int, int]

    @property
    def group(self) -> int:
        """The process group of all of the tee's processes."""
        return self.tee.program.pid

    def resources(self) -> Resources:
        """What the tee holds now."""
        peers = _peers()
        kinds = [self._kind(peers.get(name)) for name in measure.descriptors(self.group)]
        return Resources(
            kinds.count("client"),
            kinds.count("upstream"),
            kinds.count("other"),
            measure.threads(self.group),
            measure.memory(self.group),
        )

    def resources_at_start(self, processes: int) -> Resources:
        """What the tee holds once all its worker processes serve: each has the threads it begins with."""
        threads = processes * (1 + AT_START) + (processes > 1)  # with a supervisor where there are several
        eventually(lambda: measure.threads(self.group) >= threads, f"{threads} threads")
        return self.resources()

    def _kind(self, ports: tuple[int, int] | None) -> str:
        if ports is None or ports[1] == 0:
            return "other"
        return "client" if ports[0] == self.tee.port else "upstream" if ports[1] in self.ports else "other"

    def settled(self) -> Ledger:
        """Wait until the tee has nothing in hand any more; the ledger at that point."""

        def probe() -> Ledger | None:
            ledger = self.tee.ledger()
            if ledger.in_flight:
                sleep(0.1)  # each look is a line in the log
            return ledger if not ledger.in_flight else None

        ledger = eventually(probe, "the end of every clone in flight")
        assert ledger is not None
        return ledger


@contextmanager
def staged(*arguments: str) -> Iterator[Stage]:
    """A tee between a faulty A and a faulty B. Leaving it asserts a clean end of the tee."""
    ports, control_ports = [free_port(), free_port()], [free_port(), free_port()]
    with contextlib.ExitStack() as stack:
        for role, port, control in zip("ab", ports, control_ports, strict=True):
            stack.enter_context(_backend([role, str(port), str(control)]))
        a, b = (Control(port) for port in control_ports)
        for control in (a, b):
            eventually(lambda control=control: _answers(control), "a faulty backend")  # type: ignore[misc]
        urls = [f"http://127.0.0.1:{port}" for port in ports]
        with Tee("-a", urls[0], "-b", urls[1], *OPTIONS, *arguments) as tee:
            yield Stage(tee, a, b, (ports[0], ports[1]))


@contextmanager
def _backend(words: Sequence[str]) -> Iterator[None]:
    program = Program([sys.executable, "-m", "bench.torture.faulty_backend", *words], env={"PYTHONPATH": str(ROOT)})
    try:
        yield
    finally:
        program.kill()
    assert "Traceback" not in program.output, program.output


def _answers(control: Control) -> bool:
    try:
        return bool(control.say("report"))
    except OSError:
        return False


def _peers() -> dict[str, tuple[int, int]]:
    """Every IPv4 TCP socket by the name its descriptor has in /proc: its own port and the peer's."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        own, peer = (int(address.rpartition(":")[2], 16) for address in words[1:3])
        found[f"socket:[{words[9]}]"] = (own, peer)
    return found


def seed() -> int:
    """A new one, or the one that TORTURE_SEED names."""
    return int(os.environ.get("TORTURE_SEED") or int.from_bytes(os.urandom(4), "big"))
