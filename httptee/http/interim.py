"""Interim (1xx) answers of A, which go to the client before the answer itself (RFC 9110 §15.2)."""

from __future__ import annotations

from collections.abc import Callable

from httptee.http.headers import end_to_end
from httptee.http.hops import HOP_BY_HOP
from httptee.http.message import Headers

INTERIM = "httptee.interim"
"""The environ key of the function that sends an interim answer to the client. There is none for a client of HTTP/1.0,
and under a server other than the tee's own: WSGI cannot pass them on."""

PassOn = Callable[[int, str, Headers], object]
"""Takes an interim answer: status, reason and header fields."""

_NOT_PASSED_ON = HOP_BY_HOP | {"content-length"}


def interim_fields(headers: Headers) -> Headers:
    """The fields of an interim answer to pass on. It has no content, so it must have no length (RFC 9110 §8.6)."""
    return end_to_end(headers, _NOT_PASSED_ON)
