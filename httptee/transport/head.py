"""The head of an answer: how it arrives, its fields, and what they say about the body and the connection."""

from __future__ import annotations

import re
from math import inf

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from httptee.errors import UpstreamProtocolError
from httptee.http import Headers, OddHead, is_http_1, listed
from httptee.transport.timeouts import MAX_STATUS_LINE, Limits

VERSIONS = (b"HTTP/1.1 ", b"HTTP/1.0 ")
EMPTY_LINE = b"\r\n\r\n"

MARGIN = 0.8
"""Of the idle limit that an upstream has: the rest is for the way there, and for timers that are not exact."""
_ANNOUNCED = re.compile(r"(?:^|[,;])[ \t]*timeout[ \t]*=[ \t]*\"?([0-9]{1,6})", re.IGNORECASE)

_split_fields = re.compile(r"\r\n([^:]+):[ \t]*([^\r]*)").findall
_split_framing_fields = re.compile(
    r"\r\n([CcKkRrTt](?i:onnection|eep-alive|etry-after|ontent-length|ransfer-encoding)):[ \t]*([^\r]*)"
).findall
_FRAMING_LENGTHS = frozenset(map(len, ("connection", "keep-alive", "content-length", "transfer-encoding")))


class Head:
    """A head that is long or odd, or arrives in pieces. After its end, `parser` has read it and `text` is all of it.

    `certain` says whether its framing is certain.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._received = bytearray()
        self._lines = 0
        self._odd: OddHead | None = None
        self.parser = HttpResponseParser(None)
        self.text = ""
        self.certain = True

    def feed(self, data: bytes) -> bytes | None:
        """Check the next bytes. Returns the bytes after the head, or None if it has not ended."""
        if self._odd is not None:
            return self._feed_odd(data, self._odd)
        before = len(self._received)
        self._received += data
        seen, limits = self._received, self._limits
        end = seen.find(EMPTY_LINE, before - 3 if before > 3 else 0) + 4
        ended = end > 3
        size = end if ended else len(seen)
        if before < 9 and not seen.startswith(VERSIONS) and not is_http_1(bytes(seen[: min(size, 9)])):
            raise UpstreamProtocolError("the answer does not begin with HTTP/1.1 or HTTP/1.0")
        if size > MAX_STATUS_LINE and seen.find(b"\n", 0, MAX_STATUS_LINE) < 0:
            raise UpstreamProtocolError("the answer's status line is longer than the limit")
        piece = data[: size - before]
        self._lines += piece.count(b"\n")
        # Too large, if the head has not ended before with an LF alone. Each field costs more than its bytes, so a head
        # with too many is not parsed.
        too_large = size > limits.head or self._lines > limits.fields + 2
        if too_large or not accepts(self.parser, piece):
            self._odd = OddHead(limits.head, limits.fields)
            return self._feed_odd(bytes(seen), self._odd)
        if not ended:
            return None
        self.text = seen[:end].decode("latin-1")
        return data[size - before :]

    def _feed_odd(self, data: bytes, odd: OddHead) -> bytes | None:
        """Collect a head that is odd or too large, mend it and parse it. Returns as `feed`."""
        if not odd.feed(data):
            return None
        self.parser = HttpResponseParser(None)
        try:
            self.parser.feed_data(odd.head)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise UpstreamProtocolError(str(error)) from None
        self.text, self.certain = odd.head.decode("latin-1"), odd.certain
        return odd.rest


def accepts(parser: HttpResponseParser, piece: bytes) -> bool:
    """Whether llhttp accepts the next piece of a head."""
    try:
        parser.feed_data(piece)
    except HttpParserUpgrade:
        return True  # raised for 101 only; whether it was asked for is checked when the head is read
    except HttpParserError:
        return False
    return True


def all_fields(head: str) -> Headers:
    """The fields of a valid head, without the white space behind their values."""
    return _stripped(_split_fields(head), head)


def framing_fields(head: str) -> Headers:
    """The same for only those fields that `framing` reads, and Retry-After, in half the time."""
    return _stripped(_split_framing_fields(head), head)


def _stripped(fields: Headers, head: str) -> Headers:
    if " \r" in head or "\t" in head:
        return [(name, value.rstrip(" \t")) for name, value in fields]
    return fields


def switched(fields: Headers, asked: tuple[str, ...]) -> Headers:
    """The fields of a 101 without those that would frame a body: it has none (RFC 9110 §15.2).

    Raises UpstreamProtocolError if it does not name a protocol in Upgrade, or one that was not `asked` for (§7.8).
    """
    named = [one for name, value in fields if name.lower() == "upgrade" for one in listed(value.lower())]
    if not named or not set(named) <= set(asked):
        raise UpstreamProtocolError(f"a switch to {', '.join(named) or 'no protocol'}, which was not asked for")
    return [pair for pair in fields if pair[0].lower() not in ("content-length", "transfer-encoding")]


def framing(fields: Headers, modern: bool) -> tuple[int | None, bool | None, bool, float]:
    """How a head frames its body: the length; whether it ends with the last chunk, None without a transfer coding;
    whether the connection persists, and for how many idle seconds."""
    coding = options = ""
    length: int | None = None
    idle_limit = inf
    for name, value in fields:
        if len(name) in _FRAMING_LENGTHS:  # costs a third of lower() on every name
            name = name.lower()
            if name == "content-length":
                length = int(value)
            elif name == "connection":
                options += f",{value}"
            elif name == "keep-alive":
                idle_limit = announced(value)
            elif name == "transfer-encoding":
                coding += f",{value.lower()}"
    return (
        length,
        ends_in_chunked(coding) if coding else None,
        persists(options.lower(), modern) if options else modern,
        idle_limit,
    )


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
    if codings == ",chunked":
        return True
    named = [coding for coding in listed(codings) if coding]
    if named not in (["chunked"], ["identity"]):
        raise UpstreamProtocolError(f"transfer coding {codings[1:]!r} is not supported")
    return named == ["chunked"]
