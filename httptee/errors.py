"""The errors of the tee with their HTTP statuses and reasons, and the mapping of library errors to them.

A `Refusal` is the tee's own answer to a request that it does not forward. An `UpstreamError` says how an exchange with
A or B failed. The ledger counts its `reason`, a short slug; if A failed, its `status` is the one that the client gets.
A `ConfigError` reports an invalid configuration.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import ClassVar

import requests
import urllib3.exceptions


class ConfigError(ValueError):
    """An option is unknown or invalid. The message is one line and names the place of the option."""


class TeeError(Exception):
    """An error with an answer for the client: an HTTP status, and a reason slug for `X-Httptee-Error`.

    `retry_after` is in seconds; with 0 the answer has no Retry-After.
    """

    status: ClassVar[int] = 500
    reason: ClassVar[str] = "internal"
    retry_after: ClassVar[int] = 0

    def __init_subclass__(cls, *, status: int = 0, reason: str = "", retry_after: int = 0) -> None:
        """Set the class attributes. A subclass inherits the values that it does not give."""
        cls.status = status or cls.status
        cls.reason = reason or cls.reason
        cls.retry_after = retry_after or cls.retry_after


# --- The tee answers a request itself: statuses and reasons ---------------------------------------------------------


class Refusal(TeeError):
    """The tee does not forward this request. It goes neither to A nor to any B."""


class BadRequest(Refusal, status=400, reason="bad_request"):
    """The request breaks the grammar of RFC 9112."""


class PlainHttp(Refusal, status=400, reason="plain_http_on_https_port"):
    """The request came in plain text to a port for HTTPS."""


class RequestTimeout(Refusal, status=408, reason="request_timeout"):
    """The client sends its request too slowly (RFC 9110 §15.5.9)."""


class BodyTooLarge(Refusal, status=413, reason="body_too_large"):
    """The request body is over the limit (RFC 9110 §15.5.14)."""


class TargetTooLong(Refusal, status=414, reason="target_too_long"):
    """The request line alone is over the limit of the head (RFC 9112 §3, RFC 9110 §15.5.15)."""


class ExpectationFailed(Refusal, status=417, reason="expectation"):
    """An Expect other than 100-continue (RFC 9110 §15.5.18)."""


class HeadersTooLarge(Refusal, status=431, reason="headers_too_large"):
    """The request line and header fields are over the limit (RFC 6585 §5)."""


class NotImplementedCoding(Refusal, status=501, reason="transfer_coding"):
    """A transfer coding other than chunked (RFC 9112 §6.1)."""


class VersionNotSupported(Refusal, status=505, reason="http_version"):
    """A version of HTTP other than 1.0 and 1.1 (RFC 9110 §15.6.6)."""


class ConnectRefused(Refusal, status=501, reason="connect_not_supported"):
    """The method is CONNECT. The data of a tunnel cannot be cloned."""


class BodyStorage(Refusal, status=507, reason="body_storage"):
    """The request body does not fit into memory, and its file cannot be made, written or read (RFC 4918 §11.5)."""


class LoopDetected(Refusal, status=508, reason="loop"):
    """The request contains the Via of this tee, so an upstream leads back to it (RFC 5842 §7.2)."""


class MaxForwards(Refusal, status=200, reason="max_forwards"):
    """Max-Forwards is 0, so the tee answers OPTIONS or TRACE as the final recipient (RFC 9110 §7.6.2).

    `content` is the body of the answer: the request of a TRACE, as `message/http`, or empty.
    """

    content: bytes = b""


class Overloaded(Refusal, status=503, reason="overloaded", retry_after=1):
    """The tee is at its limit of connections, or of requests that wait for a thread (RFC 9110 §15.6.4)."""


class TooManyUpgrades(Refusal, status=503, reason="too_many_upgrades", retry_after=1):
    """The request asks to upgrade, and as many connections as `-upgrades` allows are upgraded (RFC 9110 §15.6.4)."""


class NoPreamble(Refusal, status=400, reason="proxy_protocol"):
    """A connection of a trusted proxy has no valid PROXY preamble: it is closed. Never sent."""


class ClientGone(TeeError, status=499, reason="client_gone"):
    """The client has gone before its answer was whole. The status is nginx's; it is for the log, and is never sent."""


class CutOff(TeeError, status=503, reason="closing"):
    """The drain timeout is over before the answer is whole: the client's connection is reset. Never sent."""


REFUSAL_REASONS: tuple[str, ...] = (TeeError.reason, *(refusal.reason for refusal in Refusal.__subclasses__()))
"""The closed set of reasons for which the tee answers a request itself."""


# --- An exchange with A or B fails: statuses and reasons ------------------------------------------------------------


class UpstreamError(TeeError, status=502, reason="protocol"):
    """An exchange with A or B ended without a whole answer. `unsent`: certainly before any byte was sent."""

    unsent: bool = False


class UpstreamConnectError(UpstreamError, reason="connect"):
    """No connection: refused, unreachable, or the name does not resolve."""

    unsent = True


class UpstreamTimeout(UpstreamError, status=504, reason="timeout"):
    """The upstream was silent for too long, or the exchange took longer than its limit."""


class UpstreamReset(UpstreamError, reason="reset"):
    """The upstream closed or reset the connection before its answer was whole."""


class UpstreamProtocolError(UpstreamError, reason="protocol"):
    """The upstream sent something that is not a valid HTTP/1 answer, or switched to a protocol that was not asked
    for."""


class UpstreamTLSError(UpstreamError, reason="tls"):
    """The TLS handshake failed: the certificate does not verify, or there is no common protocol version."""


UPSTREAM_REASONS: tuple[str, ...] = tuple(error.reason for error in UpstreamError.__subclasses__())
"""The closed set of reasons for which an exchange with an upstream fails."""

# --- Errors of libraries --------------------------------------------------------------------------------------------

# The first match counts, so a class stands before the classes that it derives from.
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
    """The `UpstreamError` for an error of requests, urllib3, ssl or a socket.

    The libraries wrap each other's errors, so the innermost known cause decides. For example, requests'
    ConnectionError may contain a refused connection, a reset or an invalid status line. An unknown error becomes an
    UpstreamProtocolError.
    """
    if isinstance(error, UpstreamError):
        return error
    for cause in reversed(_causes(error)):
        for known, named in _LIBRARY_ERRORS:
            if isinstance(cause, known):
                return named(str(cause))
    return UpstreamProtocolError(str(error))


def error_of_open(error: OSError) -> UpstreamError:
    """The UpstreamError for an error of an open connection, for example EHOSTUNREACH when the path to the peer is lost.

    `connect` would say that the request cannot have been executed. On an open connection it may have been: `reset`.
    """
    named = upstream_error(error)
    return UpstreamReset(str(error)) if isinstance(named, UpstreamConnectError) else named


def _causes(error: BaseException) -> list[BaseException]:
    """The error and the errors that it wraps or was raised from, outermost first, at most eight."""
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
