"""What a request says of the hops on its way: how many there may be, and whether the next one is to be upgraded.

Max-Forwards of OPTIONS and TRACE (RFC 9110 §7.6.2): each server that forwards the request takes one off. At 0 the tee
is the final recipient and answers itself.

Upgrade (§7.8): a request may ask the server to switch to another protocol on the same connection. It goes to A with
Connection and Upgrade. After A's 101 the tee passes on bytes both ways and understands none of them. So an upgrade to a
protocol that carries HTTP requests is not passed on: those requests would get by the tee's rules and its ledger.
"""

from __future__ import annotations

import re
from typing import Any, Protocol

from httptee.errors import MaxForwards
from httptee.http.grammar import TOKEN, listed
from httptee.http.message import Headers

HOP_BY_HOP = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)
"""Hop-by-hop fields in lower case (RFC 9110 §7.6.1, RFC 7540 §3.2.1). Proxy-Authenticate and Proxy-Authorization are
for the next proxy that wants them (RFC 9110 §11.7): the tee does not, so it forwards them."""

COUNTED = frozenset({"OPTIONS", "TRACE"})
"""The methods for which Max-Forwards counts."""

UPGRADE = "httptee.upgrade"
"""The environ key of the function that takes a `Join`. Only the tee's own server sets it, and only for a request that
asks to upgrade: WSGI cannot pass on a connection."""

OF_UPGRADE = frozenset({"connection", "upgrade"})
"""The fields of an upgrade, in lower case."""

_PROTOCOL = re.compile(rf"({TOKEN})(?:/{TOKEN})?")
_CARRY_REQUESTS = frozenset({"h2", "h2c", "h3", "http", "tls"})
_OPTIONS_OF_UPGRADE = frozenset({"upgrade", "keep-alive"})
# If Connection names one of these, the field stays: without it the message would change its meaning or its length.
_CONNECTION_OPTIONS = frozenset({"close", "keep-alive", ""})
_NEVER_CONNECTION_NAMED = frozenset({"host", "content-length", "via"}) | _CONNECTION_OPTIONS
_CONNECTION_LENGTH = len("connection")  # compared first, which saves lower() for most names
_NOT_OF_A_SWITCH = HOP_BY_HOP | {"content-length"}

_FIELD = "max-forwards"
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
_DIGITS = 18
_MOST = 10**_DIGITS - 1  # the largest value to send; a recipient may have one (§7.6.2)


def one_less(method: str, start: str, headers: Headers) -> Headers:
    """The fields to forward: each Max-Forwards is one less. A value that is not a number stays.

    `start` is the request line as received. Raises MaxForwards if a value is 0. For TRACE its content is the request,
    without the fields that may hold credentials (§9.3.8).
    """
    counts = [value for name, value in headers if name.lower() == _FIELD and _is_number(value)]
    if not counts:
        return headers
    if not all(value.strip("0") for value in counts):
        error = MaxForwards("Max-Forwards is 0")
        if method == "TRACE":
            error.content = _message(start, headers)
        raise error
    return [(name, _less(value) if name.lower() == _FIELD and _is_number(value) else value) for name, value in headers]


class Join(Protocol):
    """Joins the client's connection with A's. The server calls it once, when the 101 has been sent."""

    def __call__(self, client: Any, arrived: bytes = b"", unsent: bytes = b"") -> object:
        """`client` is the nonblocking socket, which the server uses no more; None if the client has gone. `arrived` is
        what the client has sent behind its request, `unsent` what it is still to get of the answer. Never waits."""


def asked_protocols(headers: Headers) -> tuple[str, ...]:
    """The protocols that a request asks A to switch to, in lower case; none if it does not ask for an upgrade.

    Without the option in Connection, Upgrade means nothing (RFC 9110 §7.8).
    """
    if not any(name.lower() == "connection" and "upgrade" in listed(value.lower()) for name, value in headers):
        return ()
    fields = [value.lower() for name, value in headers if name.lower() == "upgrade"]
    return tuple(protocol for value in fields for protocol in listed(value) if _passes(protocol))


def switching(headers: Headers, left_out: frozenset[str] = _NOT_OF_A_SWITCH) -> Headers:
    """The fields of a 101, which has no content, or of a request for an upgrade, to pass on: as `end_to_end`, but with
    what Connection and Upgrade say of the upgrade, in their places."""
    named = named_by_connection(headers)
    passed = []
    for name, value in headers:
        lowered = name.lower()
        if lowered in OF_UPGRADE:
            passed += [(name, rest)] if (rest := of_upgrade(lowered, value)) else []
        elif lowered not in left_out and lowered not in named:
            passed.append((name, value))
    return passed


def named_by_connection(headers: Headers) -> set[str]:
    """The names, in lower case, of the fields that Connection lists as hop-by-hop. Mostly there are none."""
    named: set[str] = set()
    for name, value in headers:
        if len(name) == _CONNECTION_LENGTH and name.lower() == "connection":
            options = value.lower()
            if options not in _CONNECTION_OPTIONS:
                named.update(listed(options))
    return named - _NEVER_CONNECTION_NAMED if named else named


def of_upgrade(name: str, value: str) -> str:
    """The part of Connection or Upgrade that is passed on, or an empty text. `name` is in lower case."""
    elements = listed(value)
    if name == "connection":
        return ", ".join(option for option in elements if option.lower() in _OPTIONS_OF_UPGRADE)
    return ", ".join(protocol for protocol in elements if _passes(protocol.lower()))


def _passes(protocol: str) -> bool:
    found = _PROTOCOL.fullmatch(protocol)
    return found is not None and found[1] not in _CARRY_REQUESTS


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _less(value: str) -> str:
    """One less than a number of any length: Python reads no more than 4,300 digits at once."""
    return str(min(int(value.lstrip("0")[: _DIGITS + 1]) - 1, _MOST))


def _message(start: str, headers: Headers) -> bytes:
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers if name.lower() not in _SECRET])
    return f"{start}\r\n{fields}\r\n".encode("latin-1")
