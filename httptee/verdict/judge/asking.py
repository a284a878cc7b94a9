"""Asks A and B once more, as clones are sent: a repeat has no mark that a clone lacks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from time import monotonic, time
from typing import Protocol, cast

from httptee.compare import Outcome
from httptee.errors import upstream_error
from httptee.http import HOP_BY_HOP, Pieces, Request, Response, end_to_end
from httptee.transport import Timeouts, Upstream, WireStream
from httptee.verdict.court import Again, Pair
from httptee.verdict.judge.repeats import Ask

_AT_ONCE = 4  # repeats in flight
_LONGEST = 10.0  # seconds for an answer that streams, beyond the timeout of its head
_LONGEST_MORE = 10.0  # seconds from which on no further answer of B is asked for: a slow B must not hold up the others


class Asker(Protocol):
    """Sends a request again."""

    def ask(self, request: Request, backend: str, most: int) -> Outcome:
        """What the B of this name answers, or A if it is empty. The body is kept up to `most` bytes. Never raises."""

    def close(self) -> None:
        """Close every idle connection, and those of requests in flight as soon as they are idle."""


class UpstreamAsker:
    """Sends requests through upstreams of its own: each B's by its name and A's by an empty one, with the time in
    seconds that each has for the head of an answer. The header fields in `left_out` are not part of an outcome."""

    def __init__(self, upstreams: Mapping[str, tuple[Upstream, float]], left_out: frozenset[str] = frozenset()) -> None:
        self._upstreams = dict(upstreams)
        self._left_out = HOP_BY_HOP | left_out
        self._closed = False

    def ask(self, request: Request, backend: str, most: int) -> Outcome:
        """The outcome, with a reason slug if there is no whole answer. Never raises."""
        upstream, seconds = self._upstreams[backend]
        timeouts = Timeouts(connect=seconds, headers=seconds, idle=seconds, whole=seconds + _LONGEST)
        try:
            answer = upstream.send(request, timeouts, keep=most)
            stream = cast(WireStream, answer.raw)
            try:
                body = _body(stream, most)
            finally:
                stream.close()
        except Exception as error:
            return Outcome(0, [], b"", failure=upstream_error(error).reason)
        finally:
            if self._closed:
                upstream.close()
        headers = end_to_end(stream.answer.headers, self._left_out)
        return Outcome(stream.status, headers, body.content, body.length, body.digest)

    def close(self) -> None:
        """Close every idle connection, and those of requests in flight as soon as they are idle."""
        self._closed = True  # first: a request that has not seen it has given its connection back before the next line
        for upstream, _ in self._upstreams.values():
            upstream.close()


class ApplicationAsker(UpstreamAsker):
    """The same where A is no server: `answer` gives its answers."""

    def __init__(
        self,
        answer: Callable[[Request], Response],
        shadows: Mapping[str, tuple[Upstream, float]],
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(shadows, left_out)
        self._answer = answer

    def ask(self, request: Request, backend: str, most: int) -> Outcome:
        """The outcome, with a reason slug if there is no whole answer. Never raises."""
        if backend:
            return super().ask(request, backend, most)
        body = Pieces(most)
        try:
            response = self._answer(request)
            try:
                for piece in (response.body,) if isinstance(response.body, bytes) else response.body:
                    body.append(piece)
            finally:
                response.close()
        except Exception as error:
            return Outcome(0, [], b"", failure=upstream_error(error).reason)
        headers = end_to_end(response.headers, self._left_out)
        return Outcome(response.status, headers, body.content, body.length, body.digest)


class Asking:
    """Carries out repeats in threads, a few at once, so that a slow server does not hold up the judge.

    `most` is in bytes: longer bodies are compared by length and digest.
    """

    def __init__(
        self,
        asker: Asker,
        most: int,
        random: Random | None = None,
        clock: Callable[[], float] = time,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._asker = asker
        self._most = most
        self._random = random or Random()
        self._clock = clock
        self._start = start or _in_thread
        self._in_flight = 0
        self._done: deque[tuple[Ask, Again | None]] = deque()

    @property
    def free(self) -> bool:
        """Whether one more repeat may be started."""
        return self._in_flight < _AT_ONCE

    @property
    def idle(self) -> bool:
        """Whether no repeat is in flight or waits to be taken."""
        return self._in_flight == 0

    def start(self, ask: Ask) -> None:
        """Ask A and B for this pair, in random order."""
        self._in_flight += 1
        try:
            self._start(lambda: self._carry_out(ask))
        except (RuntimeError, MemoryError):  # the process may start no more threads
            self._done.append((ask, None))

    def done(self) -> list[tuple[Ask, Again | None]]:
        """The repeats that have ended since the last call; None where nothing was asked."""
        found = [self._done.popleft() for _ in range(len(self._done))]
        self._in_flight -= len(found)
        return found

    def close(self) -> None:
        """Close every idle connection. Repeats that are in flight end unseen."""
        self._asker.close()

    def _carry_out(self, ask: Ask) -> None:
        again = None
        try:
            pair, at = ask.pair, self._clock()
            answers: dict[str, Outcome] = {}
            for backend in self._random.sample(["", pair.backend], 2):
                most = self._most if not backend else _room(pair, self._most)
                answers[backend] = self._asker.ask(pair.request, backend, most)
            most = _room(pair, self._most)
            more: list[Outcome] = []
            end = monotonic() + _LONGEST_MORE
            while len(more) < ask.more and monotonic() < end:
                more.append(self._asker.ask(pair.request, pair.backend, most))
            again = Again(answers[""], answers[pair.backend], at, ask.delayed, tuple(more))
        finally:
            self._done.append((ask, again))


def _room(pair: Pair, most: int) -> int:
    """Bytes up to which the body of B's answer is kept: as long as the one that it is compared with is kept."""
    b = pair.b
    return min(most, b.length - 1) if b.body is None and b.length else most


def _body(stream: WireStream, most: int) -> Pieces:
    answer = stream.answer
    if answer.kept is not None:
        stream.discard()
        return answer.kept
    body = Pieces(most)
    for piece in stream.stream():
        body.append(piece)
    return body


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="repeat", daemon=True).start()
