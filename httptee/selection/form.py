"""The form in which a B takes a clone on: it waits, is spooled and is sent in this form.

What is changed later, for each time that the clone is sent, is in `changes.py`.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass

from httptee.http import Exchange, Request, values, with_added

KEY = "Idempotency-Key"
"""The field by which a server recognizes a repeated request (draft-ietf-httpapi-idempotency-key-header)."""

# Makes the keys different from those of other tees, and of this tee's earlier runs.
_RUN = secrets.token_hex(8)


@dataclass(frozen=True, slots=True)
class Form:
    """With `body` false, a clone has a head and no content. With `key`, a POST without an Idempotency-Key gets one.

    False if it changes nothing. Called with a request, it returns the one to take on.
    """

    body: bool = True
    key: bool = False

    def __bool__(self) -> bool:
        return self.key or not self.body

    def of(self, exchange: Exchange) -> Exchange:
        """The exchange with its request in this form. A body that is not sent need not be there."""
        return exchange.with_request(self(exchange.request), exchange.withheld if self.body else "")

    def __call__(self, request: Request) -> Request:
        """The request in this form. The given one stays as it is."""
        headers, body = request.headers, request.body
        if not self.body:
            # Every request with a body has a Content-Length, also one whose body streamed to A in chunks.
            headers = [(name, "0" if name.lower() == "content-length" else value) for name, value in headers]
            body = b""
        if self.key and request.method == "POST" and not values(headers, "idempotency-key"):
            headers = with_added(headers, KEY, f'"{_RUN}-{os.getpid():x}-{request.number:x}"')
        if headers is request.headers and body is request.body:
            return request
        return Request(
            request.method,
            request.target,
            headers,
            body,
            request.client,
            request.scheme,
            request.number,
            request.upgrade,
            port=request.port,
        )


AS_IT_IS = Form()
"""The clone is taken on as the request came."""
