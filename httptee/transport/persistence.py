"""Where an answer ends, and whether and for how long its connection can carry another exchange, by its fields."""

from __future__ import annotations

import re
from math import inf

from httptee.errors import UpstreamProtocolError
from httptee.http import listed

MARGIN = 0.8
"""Of the idle limit that an upstream has: the rest is for the way there, and for timers that are not exact."""
_ANNOUNCED = re.compile(r"(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*\"?([0-9]{1,6})", re.IGNORECASE)


def announced(value: str) -> float:
    """The seconds of `timeout` in a Keep-Alive field (RFC 2068 §19.7.1.1); infinite where it does not say."""
    found = _ANNOUNCED.search(value)
    return int(found[1]) * MARGIN if found else inf


def persists(options: str, modern: bool) -> bool:
    """Whether the connection persists with these Connection options, in lower case (RFC 9112 §9.3)."""
    if modern and "close" not in options:
        return True
    tokens = listed(options)
    return "close" not in tokens and (modern or "keep-alive" in tokens)


def ends_in_chunked(codings: str) -> bool:
    """Whether a Transfer-Encoding, in lower case, ends in `chunked`; if not, the body ends with the connection (§6.3).

    The tee sends no TE, so no other coding may be used (RFC 9112 §7.4). `identity` of RFC 2616 is accepted alone.
    """
    named = [coding for coding in listed(codings) if coding]
    if named not in (["chunked"], ["identity"]):
        raise UpstreamProtocolError(f"transfer coding {codings[1:]!r} is not supported")
    return named == ["chunked"]
