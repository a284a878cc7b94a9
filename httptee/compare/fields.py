"""Header fields compared. Which ones are volatile is a table of exact names.

Volatile fields differ from answer to answer by their nature: only their presence and their shape count. Framing never
counts: how a body is delimited, and its length once it is encoded, says nothing about the content.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import repeat

from httptee.compare.difference import Found
from httptee.compare.segments import MAX_NAME, placeholder
from httptee.http import HOP_BY_HOP, Headers

_ANY, _DATE, _ID, _NUMBER, _TRACE = "any", "date", "id", "number", "trace"

VOLATILE: Mapping[str, str] = {
    "date": _DATE,
    "age": _NUMBER,
    "via": _ANY,
    "server-timing": _ANY,
    "cf-ray": _ID,
    "cf-request-id": _ID,
    "correlation-id": _ID,
    "request-id": _ID,
    "trace-id": _ID,
    "transaction-id": _ID,
    "x-amz-cf-id": _ID,
    "x-amz-id-2": _ID,
    "x-amz-request-id": _ID,
    "x-amzn-requestid": _ID,
    "x-amzn-trace-id": _ID,
    "x-azure-ref": _ANY,
    "x-b3-spanid": _ID,
    "x-b3-traceid": _ID,
    "x-cloud-trace-context": _ID,
    "x-correlation-id": _ID,
    "x-envoy-upstream-service-time": _NUMBER,
    "x-github-request-id": _ID,
    "x-kong-proxy-latency": _NUMBER,
    "x-kong-request-id": _ID,
    "x-kong-upstream-latency": _NUMBER,
    "x-ms-request-id": _ID,
    "x-process-time": _NUMBER,
    "x-request-id": _ID,
    "x-request-time": _NUMBER,
    "x-response-time": _NUMBER,
    "x-runtime": _NUMBER,
    "x-span-id": _ID,
    "x-timer": _ANY,
    "x-trace-id": _ID,
    "x-transaction-id": _ID,
    "x-varnish": _ANY,
    "traceparent": _TRACE,
    "traceresponse": _TRACE,
    "tracestate": _ANY,
}
"""Volatile fields in lower case, with the shape that their values have."""

_FRAMING = HOP_BY_HOP | {"content-length"}

_DAY, _MONTH = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)", r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_SHAPES = {
    _DATE: re.compile(rf"{_DAY}, \d\d {_MONTH} \d{{4}} [0-2]\d:[0-5]\d:[0-6]\d GMT"),  # RFC 9110 §5.6.7
    _NUMBER: re.compile(r"\d{1,20}(?:\.\d{1,20})?(?:e-?\d{1,3})?\s?(?:s|ms|us|µs|ns)?"),
    _TRACE: re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"),  # W3C Trace Context
    _ANY: re.compile(r".*\S.*", re.DOTALL),
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SAME_LENGTH, _UUID = 4, 36


def alike(name: str, a: str, b: str) -> bool:
    """Whether two values of a field are no difference; `name` in lower case."""
    if a == b:
        return True
    shape = VOLATILE.get(name)
    if shape is None:
        return False
    if shape is _ID:
        return _alike_ids(a, b)
    return _has_shape(shape, a) and _has_shape(shape, b)


def compare_fields(a: Headers, b: Headers, found: Found, left_out: frozenset[str] = frozenset()) -> None:
    """Add the differences of header fields, without those named in `left_out` (lower case).

    The order of fields with different names means nothing, and several fields of one name are one list
    (RFC 9110 §5.3), except for Set-Cookie. Content-Length has no say: see `compare_lengths`.
    """
    left, right = _by_name(a), _by_name(b)
    if left == right:
        return
    for name in left_out:
        left.pop(name, None)
        right.pop(name, None)
    _cookies(left.pop("set-cookie", []), right.pop("set-cookie", []), found)
    for name, values in left.items():
        others = right.get(name)
        if others is None:
            found.add("header", name, "missing", ", ".join(values), None)
        elif others != values:
            _values(name, values, others, found)
    for name, values in right.items():
        if name not in left:
            found.add("header", name, "extra", None, ", ".join(values))


def compare_lengths(a: Headers, b: Headers, found: Found) -> None:
    """Add a difference of Content-Length. It matters where there is no body, as after HEAD, and both have the field."""
    left, right = values_of(a, "content-length"), values_of(b, "content-length")
    if left and right and left != right:
        found.add("header", "content-length", "value", left, right)


def values_of(headers: Headers, name: str) -> str:
    """All values of a field as one list (RFC 9110 §5.3), or an empty text; `name` in lower case."""
    length = len(name)
    return ", ".join([value for field, value in headers if len(field) == length and field.lower() == name])


def _by_name(headers: Headers) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        lowered = name.lower()
        if lowered not in _FRAMING:
            fields.setdefault(lowered, []).append(value)
    return fields


def _values(name: str, left: list[str], right: list[str], found: Found) -> None:
    a, b = ", ".join(left), ", ".join(right)
    if name in VOLATILE:
        if len(left) == len(right) and all(map(alike, repeat(name), left, right)):
            return
        kind = "type"
    elif sorted(_elements(a)) == sorted(_elements(b)):
        if _elements(a) == _elements(b):
            return
        kind = "order"
    else:
        kind = "value"
    found.add("header", name, kind, a, b)


def _elements(value: str) -> list[str]:
    return [element.strip() for element in value.split(",")]


@lru_cache(maxsize=512)
def _has_shape(shape: str, value: str) -> bool:
    return _SHAPES[shape].fullmatch(value) is not None


def _alike_ids(a: str, b: str) -> bool:
    """Ids of one kind: both numbers, both UUIDs, or neither and about as long as each other."""
    if len(a) == len(b) != _UUID and a.isalnum() and b.isalnum():
        return True
    first, second = placeholder(a), placeholder(b)
    if (first == "{int}") and (second == "{int}"):
        return True
    if (first == "{uuid}") != (second == "{uuid}"):
        return False
    short, long = sorted((len(a.strip()), len(b.strip())))
    return short > 0 and long <= 2 * short + _SAME_LENGTH


def _cookies(a: list[str], b: list[str], found: Found) -> None:
    """Cookies by name; the attributes of each apart from its value (RFC 6265 §4.1.1)."""
    if a == b:
        return
    left, right = _cookie_parts(a), _cookie_parts(b)
    for path, value in left.items():
        if path not in right:
            if path.partition(";")[0] in right or ";" not in path:
                found.add("header", path, "missing", value, None)
        elif right[path] != value:
            found.add("header", path, "value", value, right[path])
    for path, value in right.items():
        if path not in left and (path.partition(";")[0] in left or ";" not in path):
            found.add("header", path, "extra", None, value)


def _cookie_parts(cookies: list[str]) -> dict[str, str]:
    """The value of each cookie at `set-cookie:NAME`, of each attribute at `set-cookie:NAME;attribute`."""
    parts: dict[str, list[str]] = {}
    for cookie in cookies:
        pair, *attributes = cookie.split(";")
        name, _, value = pair.partition("=")
        path = f"set-cookie:{_cookie_name(name.strip())}"
        parts.setdefault(path, []).append(value.strip())
        for attribute in attributes:
            name, _, value = attribute.partition("=")
            parts.setdefault(f"{path};{_cookie_name(name.strip()).lower()}", []).append(value.strip())
    return {path: " | ".join(values) for path, values in parts.items()}


def _cookie_name(name: str) -> str:
    """The name as a path may contain it. A name that is data would be a new key for each answer."""
    if placeholder(name) or len(name) > MAX_NAME:
        return "{key}"
    return (
        name if _PLAIN_NAME.fullmatch(name) else "".join(c if _PLAIN_NAME.match(c) else f"%{ord(c):02X}" for c in name)
    )
