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
    """An error that has an answer: an HTTP status, and a reason slug for `X-Httptee-Error`.

    `retry_after` is in seconds; 0 leaves the field out of the answer.
    """

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal"
    retry_after: ClassVar[int] = 0

    def __init_subclass__(cls, *, status: int = 0, reason: str = "", retry_after: int = 0) -> None:
        """What a subclass does not give, it inherits."""
        cls.status = status or cls.status
        cls.reason = reason or cls.reason
        cls.retry_after = retry_after or cls.retry_after


# --- The tee answers a request itself: the table of statuses and reasons --------------------------------------------


class Refusal(TeeError):
    """The tee does not forward this request. It goes neither to A nor to any B."""


class BadRequest(Refusal, status=400, reason="bad_request"):
    """The request breaks the grammar of RFC 9112."""


class PlainHttp(Refusal, status=400, reason="plain_http_on_https_port"):
    """The request came in plain text to a port that speaks HTTPS."""


class RequestTimeout(Refusal, status=408, reason="request_timeout"):
    """The client sends its request too slowly (RFC 9110 §15.5.9)."""


class BodyTooLarge(Refusal, status=413, reason="body_too_large"):
    """The request body is over the limit (RFC 9110 §15.5.14)."""


class HeadersTooLarge(Refusal, status=431, reason="headers_too_large"):
    """The request line and header fields are over the limit (RFC 6585 §5)."""


class NotImplementedCoding(Refusal, status=501, reason="transfer_coding"):
    """A transfer coding other than chunked (RFC 9112 §6.1)."""


class VersionNotSupported(Refusal, status=505, reason="http_version"):
    """A version of HTTP other than 1.0 and 1.1 (RFC 9110 §15.6.6)."""


class ConnectRefused(Refusal, status=501, reason="connect_not_supported"):
    """CONNECT asks for a tunnel. There is nothing in a tunnel that could be cloned."""


class LoopDetected(Refusal, status=508, reason="loop"):
    """The request carries the Via of this tee: an upstream leads back to it (RFC 5842 §7.2)."""


class Overloaded(Refusal, status=503, reason="overloaded", retry_after=1):
    """The tee is at its limit of connections, or of requests that wait for a thread (RFC 9110 §15.6.4)."""


REFUSAL_REASONS: tuple[str, ...] = (TeeError.reason, *(refusal.reason for refusal in Refusal.__subclasses__()))
"""Why the tee may answer a request itself: the closed set."""


# --- An exchange with A or B fails: the table of statuses and reasons -----------------------------------------------


class UpstreamError(TeeError, status=502, reason="protocol"):
    """An exchange with A or B ended without a whole answer."""


class UpstreamConnectError(UpstreamError, reason="connect"):
    """No connection: refused, unreachable, or the name does not resolve."""


class UpstreamTimeout(UpstreamError, status=504, reason="timeout"):
    """The upstream was silent for too long, or the exchange took longer than its limit."""


class UpstreamReset(UpstreamError, reason="reset"):
    """The upstream closed or reset the connection before its answer was whole."""


class UpstreamProtocolError(UpstreamError, reason="protocol"):
    """The upstream sent something that is not a valid HTTP/1 answer."""


class UpstreamTLSError(UpstreamError, reason="tls"):
    """The TLS handshake failed: the certificate does not verify, or there is no common protocol version."""


UPSTREAM_REASONS: tuple[str, ...] = tuple(error.reason for error in UpstreamError.__subclasses__())
"""Why an exchange with an upstream may fail: the closed set."""

# --- What libraries raise -------------------------------------------------------------------------------------------

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
