"""What can go wrong, the status each error deserves, and the one place where a library's error gets its name.

Two families. A `Refusal` is the tee's own answer to a request it will not forward. An `UpstreamError` says what
became of an exchange with A or B; its `reason` is the slug the ledger counts. For B that is the whole story; for A
it also decides the status that the client gets. A `ConfigError` is for whoever starts the tee.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import ClassVar

import requests
import urllib3.exceptions


class ConfigError(ValueError):
    """An option is unknown, or its value does not do. The message is one line and names where it stands."""


class TeeError(Exception):
    """An error that has an answer: an HTTP status and a reason slug for `X-Httptee-Error`."""

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal"
    retry_after: ClassVar[int] = 0
    """Seconds after which the client may well try again; 0 where the answer does not say."""


class Refusal(TeeError):
    """The tee does not forward this request; neither A nor B hears of it."""


class BadRequest(Refusal):
    """The request does not follow the grammar of RFC 9112."""

    status = 400
    reason = "bad_request"


class PlainHttp(Refusal):
    """The request came in plain text to a port that speaks HTTPS."""

    status = 400
    reason = "plain_http_on_https_port"


class RequestTimeout(Refusal):
    """The client is too slow in sending its request (RFC 9110 §15.5.9)."""

    status = 408
    reason = "request_timeout"


class BodyTooLarge(Refusal):
    """The request body is over the limit (RFC 9110 §15.5.14)."""

    status = 413
    reason = "body_too_large"


class HeadersTooLarge(Refusal):
    """The request line and header fields are over the limit (RFC 6585 §5)."""

    status = 431
    reason = "headers_too_large"


class NotImplementedCoding(Refusal):
    """A transfer coding other than chunked (RFC 9112 §6.1)."""

    status = 501
    reason = "transfer_coding"


class VersionNotSupported(Refusal):
    """A version of HTTP other than 1.0 and 1.1 (RFC 9110 §15.6.6)."""

    status = 505
    reason = "http_version"


class ConnectRefused(Refusal):
    """CONNECT asks for a tunnel, and a tee has nothing to copy from one."""

    status = 501
    reason = "connect_not_supported"


class LoopDetected(Refusal):
    """The request carries this tee's own Via: an upstream leads back here (RFC 5842 §7.2)."""

    status = 508
    reason = "loop"


class Overloaded(Refusal):
    """The tee has as many connections, or requests waiting for a thread, as it may (RFC 9110 §15.6.4)."""

    status = 503
    reason = "overloaded"
    retry_after = 1


REFUSAL_REASONS: tuple[str, ...] = (TeeError.reason, *(refusal.reason for refusal in Refusal.__subclasses__()))
"""Why the tee may answer a request itself: the closed set."""


class UpstreamError(TeeError):
    """An exchange with A or B did not come to a whole answer."""

    status = 502
    reason = "protocol"


class UpstreamConnectError(UpstreamError):
    """No connection: refused, unreachable, or the name does not resolve."""

    reason = "connect"


class UpstreamTimeout(UpstreamError):
    """The upstream kept silent, or the exchange took longer than it may."""

    status = 504
    reason = "timeout"


class UpstreamReset(UpstreamError):
    """The upstream closed or reset the connection before its answer was whole."""

    reason = "reset"


class UpstreamProtocolError(UpstreamError):
    """The upstream sent something that is not a valid HTTP/1 answer."""

    reason = "protocol"


class UpstreamTLSError(UpstreamError):
    """The TLS handshake failed: a certificate that does not verify, or no common protocol."""

    reason = "tls"


UPSTREAM_REASONS: tuple[str, ...] = ("connect", "timeout", "reset", "protocol", "tls")
"""Why an exchange with an upstream may fail: a closed set."""

# Looked up in this order, so a class stands before the classes it derives from.
_LIBRARY_ERRORS: tuple[tuple[tuple[type[BaseException], ...], type[UpstreamError]], ...] = (
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError), UpstreamTLSError),
    ((requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), UpstreamTimeout),
    ((urllib3.exceptions.NewConnectionError, ConnectionRefusedError, socket.gaierror), UpstreamConnectError),
    (
        (
            requests.exceptions.ChunkedEncodingError,
            urllib3.exceptions.IncompleteRead,
            http.client.IncompleteRead,
            http.client.RemoteDisconnected,
            ConnectionError,
        ),
        UpstreamReset,
    ),
    ((http.client.HTTPException,), UpstreamProtocolError),
    ((requests.exceptions.ConnectionError, OSError), UpstreamConnectError),
)


def upstream_error(error: BaseException) -> UpstreamError:
    """Name a library's error: the `UpstreamError` for what requests, urllib3, ssl or a socket raised.

    The libraries wrap one another's errors, so the innermost cause that is known decides: requests' ConnectionError
    may hold a refusal, a reset or nonsense in place of a status line.
    """
    if isinstance(error, UpstreamError):
        return error
    for cause in reversed(_causes(error)):
        for known, named in _LIBRARY_ERRORS:
            if isinstance(cause, known):
                return named(str(cause))
    return UpstreamProtocolError(str(error))


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from or wraps, outermost first (at most eight deep)."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in causes and len(causes) < 8:
        causes.append(current)
        inner = getattr(current, "reason", None)
        wrapped = inner if isinstance(inner, BaseException) else current.__cause__
        if wrapped is None and current.args:
            wrapped = next((arg for arg in current.args if isinstance(arg, BaseException)), None)
        current = wrapped if wrapped is not None else current.__context__
    return causes
