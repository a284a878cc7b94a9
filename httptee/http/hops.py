"""Max-Forwards of OPTIONS and TRACE (RFC 9110 §7.6.2): each server that forwards the request takes one off. At 0 the
tee is the final recipient and answers itself."""

from __future__ import annotations

from httptee.errors import MaxForwards
from httptee.http.message import Headers

COUNTED = frozenset({"OPTIONS", "TRACE"})
"""The methods for which Max-Forwards counts."""

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


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _less(value: str) -> str:
    """One less than a number of any length: Python reads no more than 4,300 digits at once."""
    return str(min(int(value.lstrip("0")[: _DIGITS + 1]) - 1, _MOST))


def _message(start: str, headers: Headers) -> bytes:
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers if name.lower() not in _SECRET])
    return f"{start}\r\n{fields}\r\n".encode("latin-1")
