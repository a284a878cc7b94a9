"""An exchange as the evidence of the verdict has one: the same code writes both as HAR and as `curl`."""

from __future__ import annotations

from httptee.recording import Exchange
from httptee.verdict.evidence import StoredAnswer, StoredRequest


def stored_request(exchange: Exchange) -> StoredRequest:
    """The request."""
    body = exchange.body
    headers = list(exchange.headers)
    return StoredRequest(exchange.method, exchange.target, headers, body.data if body.whole else None, body.length)


def stored_answer(exchange: Exchange) -> StoredAnswer:
    """The answer."""
    body = exchange.answer_body
    data = body.data if body.whole else None
    return StoredAnswer(exchange.status, list(exchange.answer_headers), data, body.length, exchange.error)
