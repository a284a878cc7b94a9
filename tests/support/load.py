"""Load that notices everything: clients on kept connections that count answers and remember every trouble."""

from __future__ import annotations

import threading
from types import TracebackType

from .client import RawClient
from .wire import BrokenMessageError

NEW = " on a new connection"


class Load:
    """`clients` threads that ask one request after the other for as long as the block runs.

    `answered` counts 200s; `troubles` lists every other status, and every request without a whole answer,
    those on a connection that had not carried any before with `NEW` at the end.
    """

    def __init__(self, port: int, clients: int = 8, target: str = "/", pause: float = 0.0) -> None:
        self.answered = 0
        self.troubles: list[str] = []
        self._port, self._target, self._pause = port, target, pause
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, name=f"load-{number}") for number in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it and wait for the last answers. May be called twice."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        with RawClient(self._port) as client:
            new = True
            while not self._stop.wait(self._pause):
                trouble = ""
                try:
                    answer = client.ask(target=self._target)
                    if answer.status != 200:
                        trouble = answer.start
                except (BrokenMessageError, OSError) as error:
                    trouble = f"{error!r}{NEW if new else ''}"
                    client.close()
                new = bool(trouble) or not answer.keeps_alive
                with self._lock:
                    if trouble:
                        self.troubles.append(trouble)
                    else:
                        self.answered += 1
