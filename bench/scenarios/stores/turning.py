"""What surrounds a tee whose processes are killed: clients that write numbers, and a B that is down and up in turns."""

from __future__ import annotations

import http.client
import random
import threading
from collections import defaultdict
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from tests.support.backend import Backend
from tests.support.scripts import response
from tests.support.wire import Request

CONNECTIONS = 4
_EACH = 0.02  # seconds from one answer to the next request of a connection
_LANE = 10_000_000  # from the first number of one connection to that of the next
_SHORTEST, _LONGEST = 0.3, 1.5  # seconds for which B is up or down


class _Threads:
    """Threads that work as long as the block."""

    def __init__(self, *work: Callable[[], object]) -> None:
        self.over = threading.Event()
        self._threads = [threading.Thread(target=each) for each in work]

    def __enter__(self) -> None:
        """Start them."""
        for thread in self._threads:
            thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self.over.set()
        for thread in self._threads:
            thread.join()


class Writers(_Threads):
    """Writes each number once, on connections that are opened again when they break. `answered` has the numbers that A
    has answered, and when."""

    def __init__(self, port: int) -> None:
        super().__init__(*((lambda first=first: self._write(first)) for first in range(0, CONNECTIONS * _LANE, _LANE)))
        self.answered: dict[int, float] = {}
        self._port = port

    def _write(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        while not self.over.wait(_EACH):
            number += 1
            try:
                connection.request("POST", "/write", str(number))
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.answered[number] = monotonic()
            except (OSError, http.client.HTTPException):
                connection.close()
        connection.close()


class TurningB(_Threads):
    """A B that is down and up in turns. `came` has the times at which each number came, `ended` those at which B went
    down: what it was just asked then is sent again."""

    def __init__(self, port: int, rng: random.Random) -> None:
        super().__init__(self._turn)
        self.came: defaultdict[int, list[float]] = defaultdict(list)
        self.ended: list[float] = []
        self._port = port
        self._rng = rng
        self._stays = threading.Event()

    def stay_up(self) -> None:
        """Be up until the end."""
        self._stays.set()

    def _turn(self) -> None:
        while not self.over.is_set():
            if not self._stays.is_set():
                self._stays.wait(self._rng.uniform(_SHORTEST, _LONGEST))
            with Backend(self._take, port=self._port):
                if not self._stays.wait(self._rng.uniform(_SHORTEST, _LONGEST)):
                    self.ended.append(monotonic())
                    continue
                self.over.wait()

    def _take(self, request: Request) -> bytes:
        if request.body:
            self.came[int(request.body)].append(monotonic())
        return response("200 OK", b"")
