"""The states of B in the isolation scenario, and the start of a subject with B in one of them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from ..programs import measure
from ..programs.backends import Backend, odd_backend
from ..programs.subjects import Running, Subject, running
from .rounds import Stage
from .sampling import Workload

IDLE = 1000
SLOW = "5"


@dataclass(frozen=True)
class State:
    """One state of B, and the number of connected clients that send nothing."""

    key: str
    title: str
    odd: tuple[str, ...] = ()
    idle: int = 0


STATES = {
    state.key: state
    for state in (
        State("absent", "B absent"),
        State("healthy", "B healthy"),
        State("refusing", "B refuses connections"),
        State("silent", "B accepts, never answers", odd=("silent",)),
        State("deaf", "B never accepts", odd=("deaf",)),
        State("slow", f"B answers after {SLOW} s", odd=("slow", SLOW)),
        State("idle", f"B absent, {IDLE:,} idle clients", idle=IDLE),
    )
}


@dataclass(frozen=True)
class Memory:
    """Memory before the load, after it, and the most in between, in bytes."""

    before: float
    after: float
    peak: float


@contextlib.contextmanager
def b_port(stage: Stage[Backend], state: State) -> Iterator[int | None]:
    """The port of B in this state while the block runs."""
    if state.odd:
        with odd_backend(stage.workspace, *state.odd) as port:
            yield port
    elif state.key == "healthy":
        yield stage.b.port
    elif state.key == "refusing":
        # Bound without a listener: no other process gets the port, and a connection to it is refused.
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            yield closed.getsockname()[1]
    else:
        yield None


@contextlib.contextmanager
def idle_clients(port: int, number: int) -> Iterator[None]:
    """`number` connections to the tee that send nothing while the block runs."""
    with contextlib.ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        yield


@contextlib.contextmanager
def staged(stage: Stage[Backend], state: State, subject: Subject) -> Iterator[Running]:
    """A subject with B in this state, and with the state's idle clients."""
    with (
        b_port(stage, state) as port,
        running(stage.workspace, subject, stage.a.port, port) as tee,
        idle_clients(tee.port, state.idle),
    ):
        yield tee


def long_load(stage: Stage[Backend], tee: Running, workload: Workload, seconds: int) -> Memory | None:
    """Memory over a long load, after a short one that fills the pools."""
    if tee.process is None:
        return None
    apply, group = workload.by(stage.load), tee.process.group
    apply(tee.url, 2)
    before = measure.memory(group)
    with measure.Peak(group) as peak:
        apply(tee.url, seconds)
    return Memory(before, measure.memory(group), peak.bytes)
