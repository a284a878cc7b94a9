"""Many clients at once."""

from __future__ import annotations

import random
import threading
from types import TracebackType

from .asked import Mix
from .clients import Client
from .judge import Tally, Windows


class Crowd:
    """Many clients, each in its own thread, as long as the block runs. `seed` decides all their acts."""

    def __init__(self, port: int, number: int, seed: int, mix: Mix, windows: Windows | None = None,
                 pace: float = 0.0) -> None:  # fmt: skip
        self.tally = Tally()
        self.windows = windows or Windows()
        self._stop = threading.Event()
        clients = [
            Client(f"{seed}-{each}", port, random.Random(f"{seed}/{each}"), mix, self.tally, self.windows, pace)
            for each in range(number)
        ]
        self._threads = [
            threading.Thread(target=client.run, args=(self._stop,), name=client.name) for client in clients
        ]

    def __enter__(self) -> Crowd:
        """Start all clients."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all clients, and wait for the last answers."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
