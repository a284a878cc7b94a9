"""Which header fields pass through the tee, which stay behind, and which it adds. Pure functions over header lists.

Fields travel as they came: case, order and duplicates survive. What goes is what RFC 9110 §7.6.1 says concerns one
connection only; what comes is Via (§7.6.3) and, where asked, X-Forwarded-For and Forwarded (RFC 7239).
"""

from __future__ import annotations

from dataclasses import dataclass

from httptee.errors import LoopDetected
from httptee.http.message import Headers

HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)
"""Fields about one connection, lower case (RFC 9110 §7.6.1 and the older list of RFC 2616 §13.5.1, which PEP 3333
forbids an application to send)."""

# Naming one of these in Connection must not make it vanish: the message would change its meaning or its length.
_NAMES_NO_FIELD = frozenset({"close", "keep-alive", ""})
_NEVER_CONNECTION_NAMED = frozenset({"host", "content-length", "via"}) | _NAMES_NO_FIELD
# Comparing lengths first spares lower() for most names.
_CONNECTION_LENGTH, _VIA_LENGTH = len("connection"), len("via")

# The client's server has already answered `Expect: 100-continue` by the time the request is forwarded, body in hand.
_STAYS_BEHIND = HOP_BY_HOP | {"expect"}


@dataclass(frozen=True, slots=True)
class Additions:
    """What the tee adds to a request on its way to every upstream.

    `via` is the whole field value (empty: none). Its comment names this tee, so that a request which comes back is
    known from one that passed through another tee before. `subject_header` is the field that tells who the client's
    certificate says it is (empty: none).
    """

    via: str = ""
    forward_client: bool = False
    subject_header: str = ""


def values(headers: Headers, name: str) -> list[str]:
    """Every value of a field, in order; `name` in lower case."""
    return [value for field, value in headers if field.lower() == name]


def end_to_end(headers: Headers, left_out: frozenset[str] = HOP_BY_HOP) -> Headers:
    """The fields that travel on: without hop-by-hop ones and those that Connection names (RFC 9110 §7.6.1)."""
    kept = [pair for pair in headers if pair[0].lower() not in left_out]
    if len(kept) == len(headers):
        return kept
    named = _named_by_connection(headers)
    return [pair for pair in kept if pair[0].lower() not in named] if named else kept


def outbound(headers: Headers, client: str, scheme: str, length: int, add: Additions) -> Headers:
    """The request fields every upstream gets, before its own Host.

    `length` is the body's, in bytes; it takes the place of a chunked framing, which ends at the tee. Raises
    `LoopDetected` where Via says that the request has been here before.
    """
    sent = end_to_end(headers, _STAYS_BEHIND)
    if length and not any(name.lower() == "content-length" for name, _ in sent):
        sent.append(("Content-Length", str(length)))
    if add.forward_client:
        _append(sent, "X-Forwarded-For", client)
        _append(sent, "Forwarded", f"for={_forwarded_node(client)};proto={scheme}")
    if add.via:
        passed = [value for name, value in sent if len(name) == _VIA_LENGTH and name.lower() == "via"]
        if any(add.via in value for value in passed):
            raise LoopDetected("this request has passed through this tee before: an upstream leads back to it")
        if passed:
            _append(sent, "Via", add.via)
        else:
            sent.append(("Via", add.via))
    return sent


def _named_by_connection(headers: Headers) -> set[str]:
    """The fields, in lower case, that Connection says are for the next hop only; mostly there are none."""
    named: set[str] = set()
    for name, value in headers:
        if len(name) == _CONNECTION_LENGTH and name.lower() == "connection":
            options = value.lower()
            if options not in _NAMES_NO_FIELD:
                named.update(token.strip() for token in options.split(","))
    return named - _NEVER_CONNECTION_NAMED if named else named


def has_host(headers: Headers) -> bool:
    """Whether there is a Host; mostly it stands first."""
    return bool(headers) and (headers[0][0].lower() == "host" or any(name.lower() == "host" for name, _ in headers))


def with_host(headers: Headers, host: str) -> Headers:
    """The same fields with Host set: in the place of the client's, or first where there was none."""
    if not has_host(headers):
        return [("Host", host), *headers]
    return [(name, host if name.lower() == "host" else value) for name, value in headers]


def with_subject(headers: Headers, name: str, subject: str) -> Headers:
    """The same fields with the client's `subject` in the one called `name`, and nobody else's word for it.

    What a client sends under that name goes, and under any that CGI and WSGI would take for it: `A_B` is `A-B` there.
    """
    known = name.lower().replace("_", "-")
    kept = [pair for pair in headers if pair[0].lower().replace("_", "-") != known]
    return [*kept, (name, subject)] if subject else kept


def without(headers: Headers, names: frozenset[str]) -> Headers:
    """The fields whose names, in lower case, are not among these."""
    return [pair for pair in headers if pair[0].lower() not in names] if names else headers


def with_field(headers: Headers, name: str, value: str) -> Headers:
    """The fields with exactly one of that name: in the place of the first there was, or last."""
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
    """The fields and one more at their end."""
    return [*headers, (name, value)]


def _append(headers: Headers, name: str, value: str) -> None:
    """Add an element to the last field of that name (in `headers`, which is ours), or a field of its own."""
    lowered = name.lower()
    for index in range(len(headers) - 1, -1, -1):
        field, before = headers[index]
        if field.lower() == lowered:
            headers[index] = (field, f"{before}, {value}" if before else value)
            return
    headers.append((name, value))


def _forwarded_node(client: str) -> str:
    """A node identifier: IPv6 in brackets and quotes, an unknown peer by that name (RFC 7239 §6)."""
    if ":" in client:
        return f'"[{client}]"'
    return client or "unknown"
