"""The access log: one record for each request, with A's outcome and the outcome of every B's clone.

A record is written when A's answer has ended and the last clone is settled or dropped, so the records are not in the
order of the requests. Of the header fields it holds only Referer and User-Agent. The target is what the client sent,
with the query. A client cannot break out of its line: every character that is not plain is escaped.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import perf_counter, time
from typing import TYPE_CHECKING

from httptee.errors import ClientGone, UpstreamError
from httptee.http import (
    RECEIVED_HEADERS,
    REQUEST_ID,
    Response,
    client_of,
    request_id,
    target_of,
    without_userinfo,
)
from httptee.ledger import COUNTING, Faults
from httptee.logs.line_writer import LineWriter

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

Outcome = tuple[str, str, str | int, float]
"""A B's name; `delivered`, `failed` or `dropped`; the status or the reason; the seconds of the exchange."""


class Record:
    """The facts about one request. It is written to the log when its answer has ended and every clone is settled."""

    __slots__ = (
        "_awaited",
        "_log",
        "_started",
        "agent",
        "at",
        "client",
        "client_status",
        "error",
        "id",
        "outcomes",
        "referer",
        "refused",
        "request",
        "seconds",
        "sent",
        "status",
        "total",
        "tunnel",
    )

    def __init__(
        self,
        log: AccessLog,
        environ: WSGIEnvironment,
        response: Response,
        seconds: float,
        clones: int,
        refused: bool = False,
    ) -> None:
        self.id: str = environ.get(REQUEST_ID) or request_id()
        self.at = time() - seconds
        self.client = client_of(environ)
        target = target_of(environ)
        if target[:1] != "/":  # a refused target may contain a password
            target = without_userinfo(target)
        self.request = (environ["REQUEST_METHOD"], target, environ["SERVER_PROTOCOL"])
        self.referer, self.agent = _fields(environ)
        self.status = self.client_status = response.status
        self.error = response.error
        self.refused = refused
        self.seconds = seconds
        self.total = seconds
        self.sent = 0
        self.tunnel: tuple[str, int] | None = None  # how it ended, and the bytes from the client
        self.outcomes: list[Outcome] = []
        self._log = log
        self._started = perf_counter() - seconds
        self._awaited = clones + 1

    def settled(self, backend: str, outcome: str, detail: str | int, seconds: float = 0.0) -> None:
        """Add the outcome of one clone."""
        with self._log.lock:
            self.outcomes.append((backend, outcome, detail, seconds))
        self._outcome_came()

    def client_gone(self) -> None:
        """Log 499 as the client's status; A's status stays."""
        self.client_status = ClientGone.status

    def tunnelled(self, end: str, received: int, sent: int) -> None:
        """Log the end of an upgraded connection, with its bytes."""
        self.tunnel, self.sent = (end, received), sent

    def abandon(self) -> None:
        """Wait for no further outcome: the record is written as it is."""
        self._awaited = 0

    def watch(self, response: Response) -> Response:
        """The same answer, but its bytes are counted and its end is noted in the record."""
        body = response.body
        freed = response.close

        def close() -> None:
            freed()
            if self._started:
                self.total = perf_counter() - self._started
                self._started = 0.0
                self._outcome_came()

        if isinstance(body, bytes):
            self.sent = 0 if self.request[0] == "HEAD" else len(body)
            return Response(response.status, response.reason, response.headers, body, close, response.error)
        pieces = self._counted(body)
        return Response(response.status, response.reason, response.headers, pieces, close, response.error)

    def _counted(self, body: Iterator[bytes]) -> Iterator[bytes]:
        try:
            for piece in body:
                self.sent += len(piece)
                yield piece
        except UpstreamError as error:
            self.error = f"primary_{error.reason}"
            raise

    def _outcome_came(self) -> None:
        with self._log.lock:
            self._awaited -= 1
            done = not self._awaited
            if done:
                self._log.open.discard(self)
        if done:
            self._log.write(self)


class AccessLog:
    """Makes records, and writes those that are complete. `clones` is the number of Bs."""

    def __init__(
        self, writer: LineWriter, line: Callable[[Record], str], clones: int, faults: Faults | None = None
    ) -> None:
        self.lock = threading.Lock()  # guards every record's outcomes and the set below; held for a few instructions
        self.open: set[Record] = set()
        self._writer = writer
        self._line = line
        self._clones = clones
        self._faults = faults or Faults()

    def follow(self, environ: WSGIEnvironment, response: Response, seconds: float) -> tuple[Record, Response]:
        """A record of a request that went to A, and the answer that `Record.watch` makes of `response`."""
        record = Record(self, environ, response, seconds, self._clones)
        with self.lock:
            self.open.add(record)
        return record, record.watch(response)

    def refused(self, environ: WSGIEnvironment, response: Response) -> None:
        """Write the record of a request that the tee answers itself."""
        Record(self, environ, response, 0.0, 0, refused=True).watch(response).close()

    def write(self, record: Record) -> None:
        """Format a record and pass it to the writer.

        Formatting many records at once, in the writer's thread, would delay the other threads.
        """
        try:
            self._writer.put(self._line(record).encode("latin-1"))
        except Exception:  # no error of the log may reach the client, or the clone that is settled
            self._faults.watch(COUNTING, self._writer.lost)
            self._faults.report("a record of the access log could not be written")

    def close(self, timeout: float) -> None:
        """Write all records, incomplete ones as they are, within `timeout` seconds. May be called twice."""
        with self.lock:
            unfinished, self.open = self.open, set()
            for record in unfinished:  # under the lock: an outcome that comes now must not write the record too
                record.abandon()
        for record in unfinished:
            self.write(record)
        self._writer.close(timeout)


def _fields(environ: WSGIEnvironment) -> tuple[str, str]:
    """Referer and User-Agent as the client sent them; empty if it did not."""
    pairs = environ.get(RECEIVED_HEADERS)
    if pairs is None:
        return environ.get("HTTP_REFERER", ""), environ.get("HTTP_USER_AGENT", "")
    referer = agent = ""
    for name, value in pairs:
        length = len(name)
        if length == 7 and name.lower() == "referer":
            referer = value
        elif length == 10 and name.lower() == "user-agent":
            agent = value
    return referer, agent
