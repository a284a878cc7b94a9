"""The operator: takes A and B away for a moment, kills workers and reloads, in a random sequence."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import random
import signal
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, sleep
from types import TracebackType

from ..programs import measure
from .judge import A_AWAY, WORKER_KILLED, Windows

AWAY = {"a refuse": 2, "a deaf": 1, "b refuse": 2, "b deaf": 1}
KILL = {"kill": 1}
RELOAD = {"reload": 1}
_LONGEST_AWAY = 0.4  # seconds


class Control:
    """The connection to the control port of a faulty backend."""

    def __init__(self, port: int) -> None:
        self._port = port

    def say(self, word: str) -> dict[str, int]:
        """Send an order, wait until it is done, and return the backend's report."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=30) as sock:
            sock.sendall(word.encode() + b"\n")
            with sock.makefile("r", encoding="ascii") as lines:
                report: dict[str, int] = json.loads(lines.readline())
                return report


class Operator:
    """Does an act about every `every` seconds while the block runs. `done` counts the acts.

    A mapping of acts gives their weights: the sequence and the pauses are random. A sequence of acts is done in turn at
    even times. `kill` ends a process of the tee's group, but never the group's leader.
    """

    def __init__(
        self,
        seed: int,
        acts: Mapping[str, int] | Sequence[str],
        every: float,
        windows: Windows,
        tee: int,
        a: Control,
        b: Control,
    ) -> None:
        self.done: dict[str, int] = dict.fromkeys(acts, 0)
        self.errors: list[str] = []
        self._rng = random.Random(f"{seed}/operator")
        self._acts = acts
        self._every = every
        self._windows = windows
        self._tee = tee
        self._backends = {"a": a, "b": b}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="operator")

    def __enter__(self) -> Operator:
        """Start the acts."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the acts. A and B accept again after it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for pause, act in self._plan():
            if self._stop.wait(pause):
                return
            try:
                self._do(act)
            except Exception as error:
                self.errors.append(f"{act}: {error!r}")
            self.done[act] += 1

    def _plan(self) -> Iterator[tuple[float, str]]:
        """Every act with the pause before it, without an end."""
        if isinstance(self._acts, Mapping):
            names, weights = list(self._acts), list(self._acts.values())
            while True:
                yield self._every * self._rng.uniform(0.5, 1.5), self._rng.choices(names, weights)[0]
        due = monotonic()
        for act in itertools.cycle(self._acts):
            due += self._every
            yield max(0.0, due - monotonic()), act

    def _do(self, act: str) -> None:
        if act == "reload":
            os.kill(self._tee, signal.SIGHUP)
        elif act == "kill":
            self._kill()
        else:
            who, word = act.split()
            self._send_away(self._backends[who], word, self._windows if who == "a" else None)

    def _send_away(self, backend: Control, word: str, windows: Windows | None) -> None:
        with windows.during(A_AWAY) if windows else contextlib.nullcontext():
            backend.say(word)
            self._stop.wait(self._rng.uniform(0.05, _LONGEST_AWAY))
            backend.say("accept")

    def _kill(self) -> None:
        """Kill a worker, and wait until the kernel has closed its descriptors."""
        victims = sorted(set(measure.members(self._tee)) - {self._tee})
        if not victims:
            return
        victim = self._rng.choice(victims)
        with self._windows.during(WORKER_KILLED), contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            deadline = monotonic() + 10
            while victim in measure.members(self._tee) and monotonic() < deadline:
                sleep(0.01)
