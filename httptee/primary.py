"""Server A: forwards a request and always returns an answer for the client.

A's answer is passed on unchanged, without its hop-by-hop header fields. If A fails before its header fields, the
answer is the tee's own: 502 or 504 with the reason. If A fails after them, the body ends with an `UpstreamError`. The
server then cuts the client's connection, so that a short answer can never pass for a whole one.

If the client goes, its `Cancellation` ends the exchange with A. That is no error of A.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from httptee.errors import BodyStorage, UpstreamError, upstream_error
from httptee.http import Cancellation, PassOn, Request, Response, end_to_end, no_answer, tee_answer
from httptee.ledger import WorkerAccount
from httptee.transport import Timeouts, Upstream

_BODILESS = frozenset({204, 304})


class Primary:
    """Server A, reached through its upstream."""

    def __init__(self, upstream: Upstream, timeouts: Timeouts, account: WorkerAccount) -> None:
        self._upstream = upstream
        self._timeouts = timeouts
        self._account = account

    def answer(
        self, request: Request, cancellation: Cancellation | None = None, interim: PassOn | None = None
    ) -> Response:
        """Forward a request and return the answer. `interim` gets A's interim answers. Raises BodyStorage if the file
        of its body cannot be read, and nothing else, whatever A does."""
        try:
            return self._forward(request, cancellation, interim)
        except UpstreamError as error:
            if cancellation is not None and cancellation.reason is not None:
                return no_answer(cancellation.reason)
            self._account.error(error.reason)
            return tee_answer(error, f"primary_{error.reason}")

    def _forward(self, request: Request, cancellation: Cancellation | None, interim: PassOn | None) -> Response:
        try:
            answer = self._upstream.send(request, self._timeouts, cancellation, interim)
        except BodyStorage:
            raise
        except Exception as error:
            raise upstream_error(error) from error
        raw: Any = answer.raw
        headers = end_to_end(raw.headers.items())
        body = getattr(raw, "whole", None)
        if body is None:
            pieces = self._pieces(raw.stream(), cancellation)
            return Response(answer.status_code, answer.reason, headers, pieces, raw.close)
        # The body is whole, so its length is known: a chunked answer loses Transfer-Encoding and gets a Content-Length.
        if raw.length is None and request.method != "HEAD" and answer.status_code not in _BODILESS:
            headers.append(("Content-Length", str(len(body))))
        return Response(answer.status_code, answer.reason, headers, body, raw.close)

    def _pieces(self, body: Iterator[bytes], cancellation: Cancellation | None = None) -> Iterator[bytes]:
        """The body as it streams. An error that ends it is counted. If the exchange was canceled, no error is counted,
        and ClientGone or CutOff is raised instead."""
        try:
            yield from body
        except UpstreamError as error:
            if cancellation is not None and cancellation.reason is not None:
                raise cancellation.reason("the request was canceled") from error
            self._account.error(error.reason)
            raise

    def close(self) -> None:
        """Close every idle connection to A."""
        self._upstream.close()
