"""The header fields that the tee forwards, removes and adds: pure functions over lists of header fields.

Forwarded fields keep their case, order and duplicates. The tee removes the fields that concern one connection only
(RFC 9110 §7.6.1). It adds Via (§7.6.3) and, if configured, X-Forwarded-For, Forwarded (RFC 7239) and the subject of the
client's certificate, and an id of the request.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import getrandbits
from typing import TYPE_CHECKING

from httptee.errors import LoopDetected
from httptee.http.hops import HOP_BY_HOP, named_by_connection, switching
from httptee.http.loops import LoopGuard
from httptee.http.message import ERROR_FIELD, Headers
from httptee.http.peers import Proxies

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

_VIA_LENGTH = len("via")  # lengths are compared first, which saves lower() for most names

# A body is mostly read before the request is forwarded: then the server has answered `Expect: 100-continue`. For a body
# that streams, the upstream adds the field again.
_NOT_FORWARDED = HOP_BY_HOP | {"expect"}

_PORT = re.compile(r":([0-9]+)$")
# PEP 3333 forbids an application to send them, and waitress then answers with 500.
_FORBIDDEN = frozenset({"proxy-authenticate", "proxy-authorization"})
_DATE = frozenset({"date"})
_BODILESS = frozenset({204, 304})

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,128}")  # it needs no escape in any log


CHUNKED = ("Transfer-Encoding", "chunked")
"""The field of a request whose body streams to A, and whose length is not known yet."""


@dataclass(frozen=True, slots=True)
class Additions:
    """The header fields that the tee adds to each request for an upstream.

    `via` is the whole field value for a request of HTTP/1.1 (empty: none). Its comment identifies this tee, so that a
    request that comes back differs from one that passed through another tee. `forward_client` adds X-Forwarded-For and
    Forwarded. `subject_header` is the name of the field for the subject of the client's certificate (empty: none).
    `id_header` is the name of the field for the id of the request (empty: none). `origin` sets X-Forwarded-Proto, -Host
    and -Port. What `proxies` say of the client and of these is believed. `loops` ends loops where there is no Via. With
    `upgrades`, requests that ask to upgrade may be upgraded.
    """

    via: str = ""
    forward_client: bool = False
    subject_header: str = ""
    id_header: str = ""
    loops: LoopGuard | None = None
    origin: bool = False
    proxies: Proxies | None = None
    upgrades: bool = False


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a field, in order; `name` in lower case."""
    return [value for field, value in headers if field.lower() == name]


def end_to_end(headers: Headers, left_out: frozenset[str] = HOP_BY_HOP) -> Headers:
    """The fields to forward: without hop-by-hop ones and those that Connection names (RFC 9110 §7.6.1)."""
    kept = [pair for pair in headers if pair[0].lower() not in left_out]
    if len(kept) == len(headers):
        return kept
    named = named_by_connection(headers)
    return [pair for pair in kept if pair[0].lower() not in named] if named else kept


def of_whole(fields: Headers, status: int, method: str, size: int, *, has_length: bool) -> Headers:
    """The fields of an answer whose whole body, of `size` bytes, has arrived: end-to-end ones, with a Content-Length.

    `has_length`: its head has one. A chunked answer loses Transfer-Encoding, so it gets one (RFC 9110 §8.6).
    """
    kept = end_to_end(fields)
    if not has_length and method != "HEAD" and status not in _BODILESS:
        kept.append(("Content-Length", str(size)))
    return kept


def outbound(
    headers: Headers,
    client: str,
    scheme: str,
    length: int | None,
    add: Additions,
    *,
    chunked: bool = False,
    upgrades: bool = False,
) -> Headers:
    """The request fields for every upstream, before an upstream sets its own Host.

    `length` is the length of the body in bytes, or None for a request without one. It becomes Content-Length if there
    is none, since chunked framing ends at the tee: without it, servers answer an empty chunked body with 411. A body
    that streams and whose length is not known is `chunked`, and has that field in its place. With `upgrades`, the
    request asks to switch to another protocol. Raises `LoopDetected` if Via shows that the request has passed through
    this tee before.
    """
    sent = switching(headers, _NOT_FORWARDED) if upgrades else end_to_end(headers, _NOT_FORWARDED)
    if chunked:
        sent.append(CHUNKED)
    elif length is not None and not any(name.lower() == "content-length" for name, _ in sent):
        sent.append(("Content-Length", str(length)))
    if add.forward_client:
        if client:  # that of a Unix socket has no address
            _append(sent, "X-Forwarded-For", client)
        _append(sent, "Forwarded", f"for={_forwarded_node(client)};proto={scheme}")
    if add.via:
        passed = [value for name, value in sent if len(name) == _VIA_LENGTH and name.lower() == "via"]
        mark = add.via[3:]  # without the version, which is the client's
        if any(mark in value for value in passed):
            raise LoopDetected("this request has passed through this tee before: an upstream leads back to it")
        if passed:
            _append(sent, "Via", add.via)
        else:
            sent.append(("Via", add.via))
    return sent


def has_host(headers: Headers) -> bool:
    """Whether there is a Host. It is mostly the first field, so that one is checked first."""
    return bool(headers) and (headers[0][0].lower() == "host" or any(name.lower() == "host" for name, _ in headers))


def with_host(headers: Headers, host: str) -> Headers:
    """The same fields with Host set: in the place of the client's Host, or first if there is none."""
    if not has_host(headers):
        return [("Host", host), *headers]
    return [(name, host if name.lower() == "host" else value) for name, value in headers]


def with_subject(headers: Headers, name: str, subject: str) -> Headers:
    """The same fields with the client's `subject` in the field `name`, or without that field if `subject` is empty.

    A client cannot forge the field: its own one is removed, and so is any field with a name that is the same in CGI and
    WSGI, such as `A_B` for `A-B`.
    """
    known = name.lower().replace("_", "-")
    kept = [pair for pair in headers if pair[0].lower().replace("_", "-") != known]
    return [*kept, (name, subject)] if subject else kept


def with_origin(headers: Headers, scheme: str, believed: bool) -> Headers:
    """The same fields with X-Forwarded-Proto, X-Forwarded-Host and X-Forwarded-Port: what the client has asked for.

    Fields of these names stay if the peer is `believed`, and are replaced otherwise, also those that are the same in
    CGI and WSGI. The port is the one of Host, or the default one of the scheme.
    """
    host = next((value for name, value in headers if name.lower() == "host"), "")
    port = _PORT.search(host)
    made = {"proto": scheme, "host": host, "port": port[1] if port else "443" if scheme == "https" else "80"}
    for kind, value in made.items():
        known = f"x-forwarded-{kind}"
        given = [pair for pair in headers if pair[0].lower().replace("_", "-") == known]
        if given and believed:
            continue
        kept = [pair for pair in headers if pair not in given] if given else headers
        headers = [*kept, (f"X-Forwarded-{kind.capitalize()}", value)] if value else kept
    return headers


def request_id() -> str:
    """An id for one request: 16 random hexadecimal digits."""
    return f"{getrandbits(64):016x}"


def with_id(headers: Headers, name: str) -> tuple[Headers, str]:
    """The same fields with exactly one field `name`, and its value, the id of the request.

    The client's own id stays if it is the only one and well-formed. Otherwise a new one replaces all. As in
    `with_subject`, a name that is the same in CGI and WSGI counts too.
    """
    known = name.lower().replace("_", "-")
    given = [pair for pair in headers if len(pair[0]) == len(name) and pair[0].lower().replace("_", "-") == known]
    if len(given) == 1 and given[0][0].lower() == name.lower() and _WELL_FORMED_ID.fullmatch(given[0][1]):
        return headers, given[0][1]
    made = request_id()
    return [*(pair for pair in headers if pair not in given), (name, made)], made


def without(headers: Headers, names: frozenset[str]) -> Headers:
    """The fields whose names are not in `names`, which are in lower case."""
    return [pair for pair in headers if pair[0].lower() not in names] if names else headers


def for_other_servers(start_response: StartResponse) -> StartResponse:
    """A `start_response` that leaves out what PEP 3333 forbids, and the Date of the tee's own answers: the servers add
    one. The tee's own server takes all fields."""

    def start(status: str, headers: Headers, exc_info: object = None) -> Callable[[bytes], object]:
        own = any(name == ERROR_FIELD for name, _ in headers)
        return start_response(status, without(headers, _FORBIDDEN | _DATE if own else _FORBIDDEN))

    return start


def with_field(headers: Headers, name: str, value: str) -> Headers:
    """The fields with exactly one of that name: in the place of the first one, or last."""
    lowered = name.lower()
    kept: Headers = []
    pending: list[tuple[str, str]] = [(name, value)]
    for pair in headers:
        if pair[0].lower() != lowered:
            kept.append(pair)
        elif pending:
            kept.append(pending.pop())
    return kept + pending


def with_added(headers: Headers, name: str, value: str) -> Headers:
    """The fields with one more at the end."""
    return [*headers, (name, value)]


def _append(headers: Headers, name: str, value: str) -> None:
    """Add an element to the last field of that name, or add a new field. Changes `headers`, which `outbound` made."""
    lowered = name.lower()
    for index in range(len(headers) - 1, -1, -1):
        field, before = headers[index]
        if field.lower() == lowered:
            headers[index] = (field, f"{before}, {value}" if before else value)
            return
    headers.append((name, value))


def _forwarded_node(client: str) -> str:
    """A node identifier (RFC 7239 §6): IPv6 in brackets and quotes, `unknown` for an unknown peer."""
    if ":" in client:
        return f'"[{client}]"'
    return client or "unknown"
