"""Clients that send one request after the other, valid ones and others, and check every answer."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic, sleep

from tests.support.malformed import MALFORMED, documented
from tests.support.wire import Answer, BrokenMessageError

from .asked import Asked, Mix, make
from .judge import A_AWAY, WHILE_AWAY, WORKER_KILLED, Tally, Windows, misfit
from .line import Line
from .orders import ENDLESS, Fit

_NO_TIMED = {"half a header section, then silence", "half a body, then silence", "silence"}
SMUGGLED = {name: raw for name, raw in MALFORMED.items() if name not in _NO_TIMED}
"""Invalid input that is refused at once."""
WELL_FRAMED = {"CONNECT", "a target without a slash"}
"""Invalid input with an unambiguous end: the connection may go on."""
_PAUSE = 0.05
"""Seconds of a client's pause after a failed connect. Without it, cheap failures would take the time of all others."""


class Client:
    """One client. `rng` decides all its acts. `pace` is the seconds between the starts of two acts."""

    def __init__(self, name: str, port: int, rng: random.Random, mix: Mix, tally: Tally, windows: Windows,
                 pace: float = 0.0) -> None:  # fmt: skip
        self.name = name
        self._port = port
        self._rng = rng
        self._mix = mix
        self._tally = tally
        self._windows = windows
        self._pace = pace
        self._line: Line | None = None
        self._number = 0
        self._expected = documented()
        self._acts: dict[Callable[[], None], int] = {
            self._ask: 70,
            self._ask_in_pieces: 4,
            self._pipeline: 8,
            self._vanish_in_the_request: 5,
            self._vanish_in_the_answer: 5,
            self._smuggle: 6,
            self._take_of_the_endless: 2,
        }

    def run(self, stop: threading.Event) -> None:
        """Do one act after the other until `stop` is set."""
        acts, weights = list(self._acts), list(self._acts.values())
        due = monotonic()
        while not stop.is_set():
            act = self._rng.choices(acts, weights)[0]
            try:
                act()
            except Exception as error:
                self._tally.object(f"{self.name}: {act.__name__.strip('_')}: {error!r}")
                self._drop()
            due = max(due + self._pace, monotonic() - 1.0)
            stop.wait(max(0.0, due - monotonic()))
        self._drop()

    # --- Valid requests -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        asked = self._make()
        line = self._open()
        line.send(asked.raw)
        if self._rng.random() < 0.05:
            with contextlib.suppress(OSError):
                line.sock.shutdown(socket.SHUT_WR)
            asked.half_closed = True
        self._take(line, [asked])

    def _ask_in_pieces(self) -> None:
        """Send a request in small pieces."""
        asked = self._make()
        line = self._open()
        size = max(1, len(asked.raw) // 10 + 1)
        for at in range(0, len(asked.raw), size):
            line.send(asked.raw[at : at + size])
            sleep(0.01)
        self._take(line, [asked])

    def _pipeline(self) -> None:
        several = [self._make(small=True) for _ in range(self._rng.randint(2, 6))]
        line = self._open()
        line.send(b"".join(asked.raw for asked in several))
        self._take(line, several)

    def _take(self, line: Line, several: list[Asked]) -> None:
        """Read the answers to the requests of a connection, in their order."""
        for position, asked in enumerate(several):
            since = line.quiet_since
            answer = line.answer(asked.method)
            also = self._circumstances(since, asked.began)
            if asked.half_closed:  # it may be taken for a client that has gone
                also = replace(also, cut=True)
            wrong = misfit(asked.order, asked.method, asked.digest, answer, also)
            if wrong:
                self._tally.object(f"{self.name}: {asked.method} {asked.order.target} ({position}): {wrong}")
            if answer is None:
                self._tally.count("cut")
                self._tally.count(*["unanswered"] * (len(several) - position - 1))
                return self._drop()
            outcome = answer.value("X-Httptee-Error") or "exact"
            self._tally.count("answered", outcome)
            if outcome == "primary_connect":
                sleep(_PAUSE)
            if asked.half_closed or asked.old or not answer.keeps_alive:
                self._tally.count(*["unanswered"] * (len(several) - position - 1))
                return self._drop()
        return None

    def _circumstances(self, since: float, began: float) -> Fit:
        """The answers that fit because A was away or a worker was killed, whatever A's orders are."""
        away = self._windows.any(A_AWAY, began)
        killed = self._windows.any(WORKER_KILLED, since)
        return Fit(reasons=WHILE_AWAY.reasons if away else frozenset(), cut=away or killed)

    # --- All others ---------------------------------------------------------------------------------------------------

    def _vanish_in_the_request(self) -> None:
        raw = self._make(count=False).raw
        with Line(self._port, self._rng.choice(["close", "reset"])) as line:
            line.send(raw[: self._rng.randrange(len(raw))])
        self._tally.count("vanished in the request")

    def _vanish_in_the_answer(self) -> None:
        asked = self._make(size=self._rng.choice([100, 500_000]))
        with Line(self._port, self._rng.choice(["close", "reset"])) as line:
            line.send(asked.raw)
            line.sock.settimeout(0.2)  # the rest may never come
            with contextlib.suppress(ConnectionError, TimeoutError):
                for _ in range(self._rng.randint(0, 3)):
                    line.sock.recv(1000)
        self._tally.count("vanished in the answer")

    def _take_of_the_endless(self) -> None:
        """Read a part of an answer without an end, and close."""
        asked = self._make(fault=ENDLESS, method="GET")
        with Line(self._port, self._rng.choice(["close", "reset"])) as line:
            line.send(asked.raw)
            wrong = self._begin(line, asked.began)
        if wrong:
            self._tally.object(f"{self.name}: {asked.order.target}: {wrong}")
        self._tally.count("endless")

    def _begin(self, line: Line, began: float) -> str:
        """Read the first pieces of an answer, and return what is wrong with them."""
        try:
            start, headers = line.reader.head()
            if start == "HTTP/1.1 200 OK":
                for _ in range(5):
                    line.reader.some()
                return ""
        except (BrokenMessageError, ConnectionError) as error:
            return "" if self._circumstances(began, began).cut else repr(error)
        reason = Answer(start, headers, b"", b"").value("X-Httptee-Error")
        return "" if reason in self._circumstances(began, began).reasons else f"{start!r} {reason}"

    def _smuggle(self) -> None:
        name = self._rng.choice(list(SMUGGLED))
        began = monotonic()
        with Line(self._port) as line:
            line.send(SMUGGLED[name])
            answer = line.answer("GET")
            beyond = b""
            if answer is not None and not answer.keeps_alive:
                with contextlib.suppress(ConnectionError):
                    beyond = line.reader.some()
        self._tally.count("refused")
        if answer is None:
            wrong = "" if self._circumstances(began, began).cut else "cut without an answer"
        else:
            wrong = self._unlike_documented(name, answer, beyond)
        if wrong:
            self._tally.object(f"{self.name}: {name}: {wrong}")

    def _unlike_documented(self, name: str, answer: Answer, beyond: bytes) -> str:
        """What is wrong with the answer to invalid input, and with the bytes after it."""
        got = (str(answer.status), answer.value("X-Httptee-Error"))
        if got != self._expected[name]:
            return f"refused with {got}"
        if answer.keeps_alive and name not in WELL_FRAMED:
            return "the connection goes on"
        return f"a second answer: {beyond[:100]!r}" if beyond else ""

    # --- Tools --------------------------------------------------------------------------------------------------------

    def _make(self, *, count: bool = True, small: bool = False, size: int | None = None, fault: str = "",
              method: str = "") -> Asked:  # fmt: skip
        self._number += 1
        asked = make(self._rng, self._mix, f"{self.name}-{self._number}", small, size, fault, method)
        if count:
            self._tally.count("asked")
        return asked

    def _open(self) -> Line:
        if self._line is not None and not self._line.usable:
            self._drop()
        if self._line is None:
            self._line = Line(self._port)
        return self._line

    def _drop(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
