"""Sends clones from shadow threads, one for each thread at a time, with everything that may take time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter, thread_time
from typing import cast

from httptee.errors import UpstreamError, UpstreamTimeout
from httptee.http import Exchange
from httptee.shadow.openings import Openings
from httptee.transport import Answer, Reading, Timeouts, Upstream, WireStream

IN_A_ROW = 5
"""Failures in a row after which a B is taken for one that always fails."""
WEIGHT = 5
"""CPU time of failures after that counts this many times: what it gets of the processor is for nothing."""

Outcome = tuple[float, "Exception | None", "Answer | None"]
"""The seconds that the exchange took, the error if it failed, and the answer, as far as it arrived."""


class Sender:
    """Sends to one B. A clone may take `timeout` seconds up to the head of its answer, and `stream_timeout` after it.

    `answered` is called if the head of an answer has arrived and its body has not ended. The CPU time of exchanges that
    fail counts in `reading`, that of a B which always fails `WEIGHT` times: without a breaker, such a B would take A's
    share of the processor.
    """

    def __init__(
        self,
        upstream: Upstream,
        timeout: float,
        stream_timeout: float,
        answered: Callable[[Exchange], object],
        reading: Reading,
        openings: Openings,
    ) -> None:
        self._upstream = upstream
        self._timeouts = Timeouts(connect=timeout, headers=timeout, idle=timeout, whole=timeout)
        self._stream_timeout = stream_timeout
        self._answered = answered
        self._reading = reading
        self._openings = openings
        self._streams: set[WireStream] = set()
        self._closed = False
        self._turn = threading.Lock()  # held by the one that rests: the answers of other Bs do not wait for it
        self._failures = 0

    def send(self, exchange: Exchange) -> Outcome:
        """Send a clone and read its answer to the end. Does not raise."""
        began, cpu = perf_counter(), thread_time()
        failure, arrived = None, None
        try:
            kept = exchange.kept
            answer = self._upstream.send(exchange.request, self._timeouts, keep=0 if kept is None else kept.room)
            self._openings.leave()
            stream = cast(WireStream, answer.raw)
            arrived = stream.answer
            if stream.whole is None:
                self._answered(exchange)
                self._read(stream)
            self.succeeded()
        except Exception as error:
            # Its traceback refers to this frame, and so to itself and the clone: only a look for garbage frees them.
            failure = error.with_traceback(None)
            self._charge(thread_time() - cpu)
        return perf_counter() - began, failure, arrived

    def succeeded(self) -> None:
        """B has answered a clone, perhaps one that had no thread."""
        self._failures = 0

    def _charge(self, seconds: float) -> None:
        """Count the CPU time of a clone that has failed."""
        self._failures += 1  # to lose one between two threads does not matter
        self._reading.charge(seconds)
        if self._failures > IN_A_ROW:
            with self._turn:
                if not self._closed:  # perhaps since this thread waits for its turn: the end of the tee rests no more
                    self._reading.rest((WEIGHT - 1) * seconds)

    def close(self) -> None:
        """End the answers that still stream: their clones fail with a timeout. May be called twice."""
        self._closed = True
        for stream in list(self._streams):
            stream.abort()

    def _read(self, stream: WireStream) -> None:
        """Read an answer to its end, so that the connection can be used again."""
        stream.allow(self._stream_timeout)
        self._streams.add(stream)
        try:
            if self._closed:  # since `close` has aborted the others
                stream.abort()
            stream.discard()
        except UpstreamError as error:
            if self._closed:
                raise UpstreamTimeout("the tee has ended") from error
            raise
        finally:
            self._streams.discard(stream)
