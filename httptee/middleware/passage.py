"""One request on its way through the application: what is learnt of it, until its clone is offered to every B.

Nothing here may fail the request: each public method reports its error and returns. The clone is offered when the
answer is with the client, or, if the answer has no length, after its first piece: such an answer may last for hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from time import perf_counter
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from httptee.app import OFFERING, Chosen, Tee
from httptee.errors import Refusal, UpstreamReset
from httptee.http import Exchange, Follower, Kept, Request, Response, connection_of, with_field
from httptee.ledger import COUNTING
from httptee.middleware.feed import Feed
from httptee.middleware.incoming import Body
from httptee.middleware.late import request_late, request_now

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

P = ParamSpec("P")

FOLLOWING = "a request could not be followed"
"""What is reported when the tee fails in a request."""

_BODILESS = frozenset({204, 304})
_LENGTH_NAME = len("content-length")
_FAILED, _FAILED_PHRASE = 500, "Internal Server Error"
"""What a server answers if the application raises before its head."""


def _guarded(method: Callable[Concatenate[Passage, P], None]) -> Callable[Concatenate[Passage, P], None]:
    """The same method, which reports an error instead of raising it."""

    @wraps(method)
    def guarded(self: Passage, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception:
            self._tee.faults.report(FOLLOWING)

    return guarded


class Passage:
    """One request. `environ` is a copy of the server's, and `body` what the application reads.

    Its methods are called in this order: `started` or `answered` with the head of the answer; for each piece `passed`
    before it is sent and `sent` after that; `ended`, or `failed` if the application raises; `close` in any case.
    """

    # What most requests never set stands here once for all: to set it in each would take a microsecond.
    _head: Request | None = None
    _answer = Response(0, "", [], b"")
    _seconds = 0.0
    _length: int | None = None
    _passed = 0
    _whole = _observed = _offered = _closed = False
    _pieces: Iterator[bytes] | None = None  # what those who follow the answer pass on
    _record: Follower | None = None
    _kept: Kept | None = None
    _refused = ""
    _chosen: Chosen = (None, 0)

    def __init__(self, tee: Tee, environ: WSGIEnvironment, body: Body) -> None:
        self._tee = tee
        self._environ = environ
        self._body = body
        self._feed = Feed() if tee.follows else None
        self._began = perf_counter()
        if tee.follows:
            # Before the application is asked. The body of the request is not known yet.
            request = self._request(b"")
            if request is not None:
                self._chosen = tee.choose(request)

    # Each request needs `started`, `passed`, `sent` and `close`. They catch their errors themselves: a call through
    # `_guarded` takes as long as what they do.
    def started(self, status: str, headers: Sequence[tuple[str, str]], exc_info: object = None) -> None:
        """The head of the answer, as in `start_response`. A later call replaces it (PEP 3333)."""
        try:
            self._start(int(status[:3]), status[4:], headers)
        except Exception:
            self._tee.faults.report(FOLLOWING)

    @_guarded
    def answered(self, message: Mapping[str, Any]) -> None:
        """The head of the answer, as in `http.response.start` (ASGI). There is no reason phrase."""
        fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers", ())]
        self._start(message["status"], "", fields)

    def passed(self, piece: bytes) -> None:
        """The next piece of the body, before it is sent."""
        try:
            self._passed += len(piece)
            if self._feed is not None and self._answer.status:
                self._observe()
                if self._pieces is not None:
                    self._feed.piece = piece
                    next(self._pieces, None)
        except Exception:
            self._tee.faults.report(FOLLOWING)

    def sent(self) -> None:
        """That piece was sent. If nothing says when the answer ends, the clone is offered now."""
        if self._length is not None or self._offered:
            return
        try:
            if self._answer.status and self._body.complete:
                self._offer()
        except Exception:
            self._tee.faults.report(FOLLOWING)

    def ended(self) -> None:
        """The body has ended."""
        self._whole = True

    @_guarded
    def unseen(self) -> None:
        """The body goes to the client where it cannot be seen: it is neither compared nor recorded."""
        self._whole = True
        if not self._observed:
            self._unrecorded(self._chosen[1])
            self._chosen = (None, 0)

    @_guarded
    def failed(self) -> None:
        """The application has raised before the end of its answer. Before its head, the server answers 500."""
        if self._whole:
            return
        self._tee.faults.watch(COUNTING, self._tee.account.error, UpstreamReset.reason)
        self._whole = True
        if self._feed is not None:
            self._feed.failed = True
        if not self._answer.status:
            self._seconds = perf_counter() - self._began
            self._answer = Response(_FAILED, _FAILED_PHRASE, [], b"", error=f"primary_{UpstreamReset.reason}")
            self._chosen = (None, self._chosen[1])

    def close(self) -> None:
        """The request is over. May be called twice."""
        try:
            if self._answer.status and not self._closed:
                self._closed = True
                self._observe()
                self._end()
                if not self._offered:
                    self._offer()
        except Exception:
            self._tee.faults.report(FOLLOWING)
        finally:
            self._unanswered()
            self._tee.faults.watch(FOLLOWING, self._body.release)

    def _start(self, status: int, reason: str, headers: Sequence[tuple[str, str]]) -> None:
        self._seconds = perf_counter() - self._began
        self._answer = Response(status, reason, list(headers), self._feed or b"")
        self._length = 0 if status in _BODILESS or self._environ["REQUEST_METHOD"] == "HEAD" else None
        for name, value in headers:
            if len(name) == _LENGTH_NAME and name.lower() == "content-length" and value.isdecimal():
                self._length = int(value)

    def _request(self, body: bytes) -> Request | None:
        """The request with its body, or None if it is not one to be forwarded. Its head is made once: it has an id."""
        present = self._body.present
        if self._head is None and not self._refused:
            try:
                made = request_now if self._tee.follows else request_late
                self._head = made(self._environ, self._tee.additions, body if present else None)
            except Refusal as refusal:
                self._refused = refusal.reason
        head = self._head
        if head is None or not present or head.body == body:
            return head
        return replace(head, headers=with_field(head.headers, "Content-Length", str(len(body))), body=body)

    def _observe(self) -> None:
        """Count the answer, and have it followed from here on."""
        if self._observed:
            return
        self._observed = True
        kept, arrived = self._chosen
        request = None
        if arrived:
            request = self._request(self._body.take()) if self._body.complete else None
            if request is None or self._body.withheld:
                self._unrecorded(arrived)
                arrived = 0
        answer, self._record, self._kept = self._tee.observe(
            self._environ, request, self._answer, self._seconds, (kept, arrived)
        )
        if not isinstance(answer.body, bytes):
            self._pieces = answer.body
        self._answer = answer

    def _unrecorded(self, arrived: int) -> None:
        """Count a request that was chosen to be recorded and cannot be."""
        if arrived and self._tee.recorder is not None:
            self._tee.recorder.unread()

    def _unanswered(self) -> None:
        """Count a request that was chosen to be recorded if no answer has begun."""
        arrived = 0 if self._observed else self._chosen[1]
        if arrived and self._tee.recorder is not None:
            self._chosen = (None, 0)
            self._tee.recorder.unanswered()

    def _end(self) -> None:
        """Let those who follow the answer see its end. Without one, the client has gone."""
        if not self._whole and (self._length is None or self._passed < self._length):
            self._tee.client_gone(self._record)
        elif self._pieces is not None:
            with suppress(UpstreamReset):
                next(self._pieces, None)
        self._answer.close()

    def _offer(self) -> None:
        """Offer the clone to every B. If the request is not one to be forwarded, count that instead."""
        self._offered = True
        self._observe()
        body = self._body
        withheld = body.withheld if body.complete else body.withheld or "unread"
        content = b"" if withheld else body.take()
        request = self._request(content)
        body.release()
        if request is None:
            self._tee.faults.watch(COUNTING, self._tee.account.refused, self._refused)
            return
        exchange = Exchange(
            request,
            self._answer.status,
            self._seconds,
            self._record,
            False,
            self._kept,
            *connection_of(self._environ),
            withheld or body.withheld,
        )
        for shadow in self._tee.shadows:
            self._tee.faults.watch(OFFERING, shadow.offer, exchange)
