"""The tee: a WSGI callable that answers each request from A and offers its clone to every B.

environ → Request → primary → start_response → body out → every shadow is offered its clone
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

from httptee.errors import ClientGone, Overloaded, Refusal
from httptee.http import (
    CANCELLATION,
    INTERIM,
    RECEIVED_HEADERS,
    Additions,
    Cancellation,
    Exchange,
    Follower,
    Request,
    Response,
    connection_of,
    ended,
    for_other_servers,
    no_answer,
    receive,
    tee_answer,
)
from httptee.ledger import COUNTING, Faults, WorkerAccount
from httptee.logs import AccessLog
from httptee.primary import Answering
from httptee.recording import Recorder
from httptee.shadow import Budget, Cutoff, Shadow, keep_for
from httptee.spool import Outbox
from httptee.transport import Pressure
from httptee.verdict.pairs import Keeper, KeptPrimary

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Chosen = tuple[KeptPrimary | None, int]  # what is kept of A's answer; when a request arrived that is recorded, or 0
OFFERING = "a clone could not be offered"
_LOGGING = "a request could not be logged"
_LAST_RECORDS = 1.0  # seconds to write the last records of the access log, and of the recording and the spool


class Tee:
    """Answers every request from A and offers a clone to each shadow; `Relay` says when."""

    def __init__(
        self,
        primary: Answering,
        shadows: Iterable[Shadow],
        additions: Additions,
        account: WorkerAccount,
        log: AccessLog | None = None,
        *,
        in_memory: int,
        max_request_body: int,
        drain_timeout: float,
        cutoff: Cutoff | None = None,
        budget: Budget | None = None,
        pressure: Pressure | None = None,
        faults: Faults | None = None,
        keeper: Keeper | None = None,
        outbox: Outbox | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self.primary = primary
        self.shadows = tuple(shadows)
        self.additions = additions
        self.account = account
        self._log = log
        self.faults = faults or Faults(account.unobserved)
        self._keeper = keeper
        self.outbox = outbox
        self.recorder = recorder
        self._in_memory = in_memory
        self._max_request_body = max_request_body
        self._drain_timeout = drain_timeout
        self.cutoff = cutoff
        self.budget = budget
        self.pressure = pressure or Pressure()
        self.follows = any(each is not None for each in (log, keeper, recorder))
        """Whether `observe` has answers recorded, compared or logged as they pass."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if RECEIVED_HEADERS not in environ:
            start_response = for_other_servers(start_response)
        chosen: Chosen = (None, 0)
        try:
            request = receive(environ, self.additions, self._in_memory, self._max_request_body)
            cancellation: Cancellation | None = environ.get(CANCELLATION)
            chosen = self.choose(request)
            started = perf_counter()
            response = self.primary.answer(request, cancellation, environ.get(INTERIM), chosen[0] is not None)
        except Refusal as refusal:
            answer = tee_answer(refusal)
            self.refused(environ, answer, chosen)
            return Relay(answer, start_response, ())
        request, read_at, withheld = ended(request)
        seconds = perf_counter() - max(started, read_at)
        unsent, switch = response.unsent, response.switch  # read here: the access log may replace the response
        response, record, kept = self.observe(environ, request, response, seconds, chosen)
        exchange = Exchange(request, response.status, seconds, record, unsent, kept, *connection_of(environ))
        exchange.withheld = "" if unsent else withheld
        response = switch(environ, response, record) if switch else response
        return Relay(response, start_response, self.shadows, exchange, cancellation, self.client_gone, self.faults)

    def choose(self, request: Request) -> Chosen:
        """Decide, before A is asked, whether its answer is to be compared and recorded. Never raises."""
        kept = None if self._keeper is None or request.upgrade else self._keeper.choose(request)
        arrived = 0 if self.recorder is None else self.recorder.begin(request)
        if not isinstance(request.body, bytes):  # it may stream
            recorder = self.recorder if arrived else None
            self.faults.watch("a body could not be kept", keep_for, request, self.shadows, self.budget, recorder)
        return kept, arrived

    def observe(
        self, environ: WSGIEnvironment, request: Request | None, response: Response, seconds: float, chosen: Chosen
    ) -> tuple[Response, Follower | None, KeptPrimary | None]:
        """Count an answer of A, `seconds` after it was asked, and have it recorded, compared and logged: the answer to
        pass on instead, its record in the log, and what is kept of it. Never raises."""
        kept, arrived = chosen
        try:  # `Faults.watch`, written out: it is called for every request
            self.account.answered(response.status, seconds)
        except Exception:
            self.faults.report(COUNTING)
        if self.cutoff is not None:
            self.faults.watch("the cutoff could not be updated", self.cutoff.observe, seconds)
        if arrived and request is not None and self.recorder is not None:
            response = self.recorder.follow(arrived, request, response, environ)
        if kept is not None and self._keeper is not None:
            kept, response = self._keeper.keep(kept, response, seconds)
        record, response = self._logged(environ, response, seconds)
        return response, record, kept

    def refused(self, environ: WSGIEnvironment, answer: Response, chosen: Chosen = (None, 0)) -> None:
        """Count and log a request that was answered without A, by the tee or by the server in front of it."""
        self.faults.watch(COUNTING, self.account.refused, answer.error)
        if chosen[1] and self.recorder is not None:
            self.recorder.unanswered()
        self._log_refused(environ, answer)

    def discarded(self, environ: WSGIEnvironment) -> None:
        """Count and log a request whose client has gone before it was sent to A. No B is offered a clone."""
        self.faults.watch(COUNTING, self.account.client_gone)
        self._log_refused(environ, no_answer())

    def client_gone(self, record: Follower | None) -> None:
        """Count a request whose client has gone after it was sent to A, and note that in its record."""
        self.faults.watch(COUNTING, self.account.client_gone)
        if record is not None:
            self.faults.watch(_LOGGING, record.client_gone)

    def connection_refused(self, reason: str = Overloaded.reason) -> None:
        """Count a connection that was answered with `overloaded`, or closed, before its first request."""
        self.faults.watch(COUNTING, self.account.refused, reason)

    def _log_refused(self, environ: WSGIEnvironment, answer: Response) -> None:
        if self._log is not None:
            try:
                self._log.refused(environ, answer)
            except Exception:
                self._not_logged()

    def _logged(self, environ: WSGIEnvironment, response: Response, seconds: float) -> tuple[Follower | None, Response]:
        """The record of a request, and the answer that it watches. If the log fails: no record, and the same answer."""
        try:
            return self._log.follow(environ, response, seconds) if self._log else (None, response)
        except Exception:
            self._not_logged()
            return None, response

    def _not_logged(self) -> None:
        """Count and report an error of the access log. It must not fail the request."""
        self.faults.watch(COUNTING, self.account.log_dropped)
        self.faults.report(_LOGGING)

    def close(self, timeout: float | None = None) -> None:
        """Drain all within `timeout` seconds (the drain timeout if not given), then close it. May be called twice."""
        deadline = perf_counter() + (self._drain_timeout if timeout is None else timeout)
        for shadow in self.shadows:
            shadow.stop()
        for shadow in self.shadows:
            shadow.drain(deadline - perf_counter())
        if self.outbox is not None:
            self.outbox.close(_LAST_RECORDS)
        self.primary.close(deadline - perf_counter())
        for last in (self.recorder, self._log):
            if last is not None:
                last.close(_LAST_RECORDS)


class Relay:
    """The response to one request, as a WSGI iterable.

    If the answer is whole, the clone is offered at `close`, after the answer was sent to the client. A streaming
    answer may last for hours, so its clone is offered as soon as A's header fields have arrived. If the request's body
    is in a file, the clone is offered after the first piece of the answer: to read the file takes time. If the client
    has gone before the answer was whole, `on_client_gone` is called.
    """

    def __init__(
        self,
        response: Response,
        start_response: StartResponse,
        shadows: Sequence[Shadow],
        exchange: Exchange | None = None,
        cancellation: Cancellation | None = None,
        on_client_gone: Callable[[Follower | None], object] = lambda record: None,
        faults: Faults | None = None,
    ) -> None:
        start_response(f"{response.status} {response.reason}", response.headers)
        self._response = response
        self._shadows = shadows
        self._exchange = exchange
        self._record = exchange.follower if exchange is not None else None
        self._cancellation = cancellation
        self._on_client_gone = on_client_gone
        self._faults = faults or Faults()
        if exchange is not None and not isinstance(response.body, bytes) and isinstance(exchange.request.body, bytes):
            self._offer()

    def __iter__(self) -> Iterator[bytes]:
        body = self._response.body
        if isinstance(body, bytes):
            return iter((body,))
        return body if self._exchange is None else self._offering(body)

    def close(self) -> None:
        """Free A's connection, and offer the clone if it was not offered yet."""
        cancellation, self._cancellation = self._cancellation, None
        if cancellation is not None and cancellation.reason is ClientGone:
            self._on_client_gone(self._record)
        self._response.close()
        self._offer()

    def _offering(self, body: Iterator[bytes]) -> Iterator[bytes]:
        for piece in body:
            yield piece
            self._offer()  # when the first one has been sent

    def _offer(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            for shadow in self._shadows:  # no error of a B may reach the client
                self._faults.watch(OFFERING, shadow.offer, exchange)
