"""Server A: forwards a request and always returns an answer for the client.

A's answer is passed on unchanged, without its hop-by-hop header fields. If A fails before its header fields, or has
closed the connection right behind them, the answer is the tee's own: 502 or 504 with the reason. If A fails later, the
body ends with an `UpstreamError`. The server then cuts the client's connection, so that a short answer can never pass
for a whole one.

If the client goes, its `Cancellation` ends the exchange with A. That is no error of A.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

from httptee.errors import Refusal, UpstreamError, upstream_error
from httptee.http import Cancellation, PassOn, Request, Response, end_to_end, no_answer, of_whole, switching, tee_answer
from httptee.ledger import COUNTING, OUTAGE_WORDS, Faults, WorkerAccount
from httptee.transport import Timeouts, Upstream, WireStream
from httptee.tunnel import Switch, Tunnels

logger = logging.getLogger(__name__)

_IN_A_ROW = 5  # failures after which A is logged as down; one is enough if there was no connection
_OUTAGE = "the state of A could not be noted"
_QUIET = 10.0  # seconds between two lines that say that A is down
# The state of an outage. `_BEFORE` is the number of failures in the ledger when it began; times are in microseconds.
_DOWN, _FAILURES, _SINCE, _LOGGED_AT, _BEFORE = range(OUTAGE_WORDS)


class Outage:
    """Logs when A fails and when it answers again. It changes nothing for any request.

    All worker processes share its state, in `OUTAGE_WORDS` words, so one of them logs for all. There is no lock between
    processes: in rare cases two of them log the same change. `failures` counts the failures of all processes.
    """

    def __init__(
        self, a: str, words: memoryview, failures: Callable[[], int], clock: Callable[[], float] = monotonic
    ) -> None:
        self._a = a
        self.words = words
        self._failures = failures
        self._clock = clock
        self._lock = threading.Lock()  # for the threads of this process

    def failed(self, error: UpstreamError, counted: int = 1) -> None:
        """An exchange with A failed before the head of its answer. `counted`: in how many failures of the ledger."""
        words, now = self.words, int(self._clock() * 1e6)
        with self._lock:
            if not words[_FAILURES]:
                words[_SINCE] = now
            words[_FAILURES] += 1
            quiet = not words[_LOGGED_AT] or now - words[_LOGGED_AT] >= _QUIET * 1e6
            if words[_DOWN] or not quiet or not (error.unsent or words[_FAILURES] >= _IN_A_ROW):
                return
            words[_DOWN], words[_LOGGED_AT] = 1, now
            words[_BEFORE] = max(0, self._failures() - counted * words[_FAILURES])
        logger.warning(
            "A %s is down: %s (%s); clients get %d until it answers", self._a, error.reason, error, error.status
        )

    def recovered(self) -> None:
        """A has answered after a failure."""
        words = self.words
        with self._lock:
            was_down, words[_DOWN], words[_FAILURES] = words[_DOWN], 0, 0
        if was_down:
            seconds = (int(self._clock() * 1e6) - words[_SINCE]) / 1e6
            failures = self._failures() - words[_BEFORE]
            logger.info("A %s is up again after %.1f s; %d requests failed", self._a, seconds, failures)


class Answering(Protocol):
    """What a tee needs of A."""

    asked: bool
    """Whether A was asked anything."""

    @property
    def upgraded(self) -> int:
        """The connections that are upgraded, and those that wait for A's 101."""

    def look(self) -> None:
        """Log a warning if A cannot be reached, unless it was asked already."""

    def answer(
        self,
        request: Request,
        cancellation: Cancellation | None = None,
        interim: PassOn | None = None,
        timed: bool = False,
    ) -> Response:
        """A's answer, or the tee's own if A gives none; see `Primary.answer`."""

    def close(self, timeout: float = 0.0) -> None:
        """Free what is held for A. Upgraded connections may go on for `timeout` seconds."""


class Primary:
    """Server A, reached through its upstream."""

    def __init__(
        self,
        upstream: Upstream,
        timeouts: Timeouts,
        account: WorkerAccount,
        outage: Outage | None = None,
        faults: Faults | None = None,
        tunnels: Tunnels | None = None,
    ) -> None:
        self._upstream = upstream
        self._tunnels = tunnels
        self._timeouts = timeouts
        self._account = account
        self.asked = False
        self._faults = faults or Faults(account.unobserved)
        words = memoryview(bytearray(8 * OUTAGE_WORDS)).cast("Q")
        self._outage = outage or Outage("", words, lambda: 0)

    def answer(
        self,
        request: Request,
        cancellation: Cancellation | None = None,
        interim: PassOn | None = None,
        timed: bool = False,
    ) -> Response:
        """Forward a request and return the answer. `interim` gets A's interim answers. `timed`: the answer gets its
        `head_seconds`. Raises BodyStorage if the file of its body cannot be read, for a body that streams also the
        Refusals of its source, TooManyUpgrades, and nothing else, whatever A does."""
        tunnels = self._tunnels
        if tunnels is None or not request.upgrade:
            return self._answered(request, cancellation, interim, timed)
        tunnels.reserve()
        answer = None
        try:
            answer = self._answered(request, cancellation, interim, timed)
        finally:
            if answer is None or answer.switch is None:
                tunnels.release()
        return answer

    def _answered(
        self, request: Request, cancellation: Cancellation | None, interim: PassOn | None, timed: bool
    ) -> Response:
        try:
            return self._forward(request, cancellation, interim, timed)
        except UpstreamError as error:
            if cancellation is not None and cancellation.reason is not None:
                answer = no_answer(cancellation.reason)
            else:
                self._faults.watch(COUNTING, self._account.error, error.reason)
                self._faults.watch(_OUTAGE, self._outage.failed, error)
                answer = tee_answer(error, f"primary_{error.reason}")
            return replace(answer, unsent=error.unsent)

    def look(self) -> None:
        """Log a warning if A cannot be reached, unless an exchange has shown already whether it can.

        Opens a connection and sends nothing.
        """
        if self.asked:
            return
        try:
            self._upstream.connect(self._timeouts.connect).close()
        except Exception as error:
            failure = upstream_error(error)
            failure.unsent = True
            self._faults.watch(_OUTAGE, self._outage.failed, failure, counted=0)

    def _forward(
        self, request: Request, cancellation: Cancellation | None, interim: PassOn | None, timed: bool
    ) -> Response:
        self.asked = True
        try:
            answer = self._upstream.send(request, self._timeouts, cancellation, interim, timed=timed)
        except Refusal:  # of a body: its file cannot be read, or the client's bytes break a rule
            raise
        except Exception as error:
            raise upstream_error(error) from error
        raw: Any = answer.raw
        if answer.status_code == 101 and self._tunnels is not None:
            return self._switched(raw, self._tunnels)
        seconds = getattr(raw, "head_seconds", 0.0)
        body = getattr(raw, "whole", None)
        if body is None:
            # The first piece never waits. Nothing has gone to the client yet, so an error of it is still a 502.
            rest = raw.stream()
            first = next(rest, b"")
        if self._outage.words[_FAILURES]:  # the last exchange with A has failed
            self._faults.watch(_OUTAGE, self._outage.recovered)
        if body is None:
            headers = end_to_end(raw.headers.items())
            pieces = self._pieces(first, rest, cancellation)
            return Response(answer.status_code, answer.reason, headers, pieces, raw.close, head_seconds=seconds)
        status = answer.status_code
        headers = of_whole(raw.pairs, status, request.method, len(body), has_length=raw.length is not None)
        # The connection is free already.
        return Response(status, answer.reason, headers, body, head_seconds=seconds, head=raw.answer.head)

    def _switched(self, raw: WireStream, tunnels: Tunnels) -> Response:
        """The answer to a request that A has upgraded: its connection belongs to the tunnel."""
        connection, arrived = raw.give_up_connection()
        if self._outage.words[_FAILURES]:
            self._faults.watch(_OUTAGE, self._outage.recovered)
        switch = Switch(tunnels, connection, arrived, self._account, self._faults)
        return Response(101, raw.reason, switching(raw.pairs), b"", switch=switch.begin)

    def _pieces(self, first: bytes, rest: Iterator[bytes], cancellation: Cancellation | None = None) -> Iterator[bytes]:
        """The body as it streams. An error that ends it is counted. If the exchange was canceled, no error is counted,
        and ClientGone or CutOff is raised instead."""
        try:
            yield first
            yield from rest
        except UpstreamError as error:
            if cancellation is not None and cancellation.reason is not None:
                raise cancellation.reason("the request was canceled") from error
            self._faults.watch(COUNTING, self._account.error, error.reason)
            raise

    @property
    def upgraded(self) -> int:
        """The connections that are upgraded, and those that wait for A's 101."""
        return 0 if self._tunnels is None else len(self._tunnels)

    def close(self, timeout: float = 0.0) -> None:
        """Let the upgraded connections go on for `timeout` seconds. Then close them, and every idle connection to A."""
        if self._tunnels is not None:
            self._tunnels.close(timeout)
        self._upstream.close()
