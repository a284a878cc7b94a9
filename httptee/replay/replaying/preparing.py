"""Makes the bytes of a request from a recorded exchange, or says why it is not sent. No I/O."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from httptee.compare import Outcome
from httptee.errors import ClientGone, UpstreamError, UpstreamTimeout
from httptee.http import HOP_BY_HOP, Headers, Request, end_to_end, values, with_field
from httptee.recording import Exchange, Fields
from httptee.replay.replaying.masked import has_secrets
from httptee.selection import AS_IT_IS, Form, Selection
from httptee.transport import Upstream

MARK = "X-Httptee-Replay"
"""The field of every replayed request, with its number in the replay."""
NO_BODY, MALFORMED = "body_not_recorded", "malformed"
_LEFT_OUT = HOP_BY_HOP | {"expect", MARK.lower()}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it is sent, `data`, and as it was recorded, `request`. `expected` is A's answer, or None if there is
    none to compare with."""

    request: Request
    data: bytes
    expected: Outcome | None


class Preparing:
    """Prepares the exchanges for one upstream, in the form in which it gets them. `refused` counts those that are not
    sent, by reason, and `with_secrets` those that are sent with credentials in their header fields."""

    def __init__(
        self, upstream: Upstream, selection: Selection, compares: bool = True, form: Form = AS_IT_IS
    ) -> None:  # fmt: skip
        self._upstream = upstream
        self._form = form
        self._selection = selection
        self._compares = compares
        self.refused: Counter[str] = Counter()
        self.with_secrets = 0

    def __call__(self, exchange: Exchange, number: int) -> Prepared | None:
        """The request with this number, or None if it is not sent: then the reason is counted."""
        found = self._prepared(exchange, number)
        if isinstance(found, str):
            self.refused[found] += 1
            return None
        self.with_secrets += has_secrets(found.request.headers)
        return found

    def _prepared(self, exchange: Exchange, number: int) -> Prepared | str:
        body = exchange.body
        if self._form.body and not body.whole:
            return NO_BODY
        headers = _with_length(end_to_end(list(exchange.headers), _LEFT_OUT), len(body.data))
        request = Request(exchange.method, exchange.target, headers, body.data, exchange.client, "http")
        formed = self._form(request)
        if (refused := self._selection.refuses(formed, status_of(exchange))) is not None:
            return refused
        marked = Request(
            formed.method, formed.target, with_field(formed.headers, MARK, str(number)), formed.body, formed.client,
            "http",
        )  # fmt: skip
        try:
            head = self._upstream.prepare(marked).head()
        except ValueError:
            return MALFORMED
        return Prepared(
            request, head + (body.data if self._form.body else b""), answer_of(exchange) if self._compares else None
        )


def status_of(exchange: Exchange) -> int:
    """The status that the client got, as `only-status` sees it in the live tee; 0 if nothing was recorded of it."""
    if exchange.status or not exchange.error:
        return exchange.status
    reason = exchange.error.removeprefix("primary_")
    return next((kind.status for kind in (UpstreamTimeout, ClientGone) if kind.reason == reason), UpstreamError.status)


def answer_of(exchange: Exchange) -> Outcome | None:
    """What A answered, or None if it is not known: A failed, its client had gone, or the body was not recorded."""
    body = exchange.answer_body
    if not exchange.status or exchange.error or not (body.whole or body.digest):
        return None
    return Outcome(
        exchange.status,
        _end_to_end(exchange.answer_headers),
        body.data if body.whole else None,
        body.length,
        body.digest,
    )


def _end_to_end(fields: Fields) -> Headers:
    return end_to_end(list(fields))


def _with_length(headers: Headers, size: int) -> Headers:
    """The fields with the right Content-Length: a chunked body had none, and one with replaced secrets has another."""
    given = values(headers, "content-length")
    if given == [str(size)] or (not given and not size):
        return headers
    return with_field(headers, "Content-Length", str(size))
