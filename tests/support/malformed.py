"""Bad input, and the answers that docs/operations.md promises for it."""

from __future__ import annotations

import re
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def post(framing: str, body: bytes = b"") -> bytes:
    """A POST with these framing headers, and behind it what must never be taken for a request of its own."""
    head = f"POST / HTTP/1.1\r\nHost: t\r\n{framing}\r\n\r\n".encode("latin-1")
    return head + body + b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


MALFORMED = {
    "a bare LF as line end": b"GET / HTTP/1.1\nHost: t\n\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n",
    "CONNECT": b"CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk extension over 4 KiB": post("Transfer-Encoding: chunked", b"3;" + b"x" * 10_000),
    "a body over -max-request-body": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n",
    "chunks over -max-request-body": post("Transfer-Encoding: chunked", b"1e8480\r\n" + b"x" * 2_000_000 + b"\r\n" * 2),
    "half a header section, then silence": b"GET / HTTP/1.1\r\nHost: t\r\n",
    "half a body, then silence": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc",
    "silence": b"",
    "no request line": b"GARBAGE\r\n\r\n",
    "a request line of five words": b"GET / HTTP/1.1 and more\r\nHost: t\r\n\r\n",
    "a TLS client hello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x07" * 150 + b"\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": b"GET / HTTP/7.3\r\nHost: t\r\n\r\n",
    "a target without a slash": b"GET a HTTP/1.1\r\nHost: t\r\n\r\n",
    "a method that is not a token": b"GE(T / HTTP/1.1\r\nHost: t\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n",
    "a header name with a space": b"GET / HTTP/1.1\r\nHost: t\r\nX y: 1\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: t\r\nX : 1\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: t\r\n: 1\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\x00b\r\n\r\n",
    "CR alone in a header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n",
    "a length that is not a number": post("Content-Length: many"),
    "a negative length": post("Content-Length: -1"),
    "a length with a plus": post("Content-Length: +3", b"abc"),
    "two lengths that differ": post("Content-Length: 3\r\nContent-Length: 4", b"abcd"),
    "a length and chunks": post("Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunks and a length": post("Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
    "a folded transfer encoding": post("Transfer-Encoding:\r\n chunked", b"0\r\n\r\n"),
    "an unknown transfer encoding": post("Transfer-Encoding: rot13", b"abc"),
    "chunked is not the last encoding": post("Transfer-Encoding: chunked, gzip", b"0\r\n\r\n"),
    "a chunk size that is not a number": post("Transfer-Encoding: chunked", b"xyz\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than its size": post("Transfer-Encoding: chunked", b"1\r\nabc\r\n0\r\n\r\n"),
    "header fields over 64 KiB": b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
    "a target over 64 KiB": b"GET /" + b"y" * 300_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
    "a method over 64 KiB": b"G" * 300_000 + b" / HTTP/1.1\r\nHost: t\r\n\r\n",
    "more than 1,024 header fields": b"GET / HTTP/1.1\r\nHost: t\r\n" + b"X:\r\n" * 1024 + b"\r\n",
    "more than 8 empty lines before a request": b"\r\n" * 9 + b"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
    "an LF alone in a chunk line": post("Transfer-Encoding: chunked", b"3\nabc\r\n0\r\n\r\n"),
    "an empty line before a chunk size": post("Transfer-Encoding: chunked", b"3\r\nabc\r\n\r\n0\r\n\r\n"),
    "a control character in a chunk extension": post("Transfer-Encoding: chunked", b"3;a\x00\r\nabc\r\n0\r\n\r\n"),
    "framing over 64 KiB and 8 times the chunks": post(
        "Transfer-Encoding: chunked", (b"1;" + b"x" * 100 + b"\r\na\r\n") * 1000
    ),
    "a trailer that is not a field line": post(
        "Transfer-Encoding: chunked", b"0\r\nGET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"
    ),
    "trailers over 64 KiB": post("Transfer-Encoding: chunked", b"0\r\nX: " + b"y" * 300_000 + b"\r\n\r\n"),
    "CONNECT with a body": post("Content-Length: 3", b"abc").replace(b"POST /", b"CONNECT t:443"),
    "TRACE with a body": post("Content-Length: 3", b"abc").replace(b"POST", b"TRACE"),
    "TRACE with chunks": post("Transfer-Encoding: chunked", b"0\r\n\r\n").replace(b"POST", b"TRACE"),
    "a space in Host": b"GET / HTTP/1.1\r\nHost: t u\r\n\r\n",
    "a user name in Host": b"GET / HTTP/1.1\r\nHost: me@t\r\n\r\n",
    "a path in Host": b"GET / HTTP/1.1\r\nHost: t/x\r\n\r\n",
    "a port in Host that is not a number": b"GET / HTTP/1.1\r\nHost: t:http\r\n\r\n",
    "a port without a host in Host": b"GET / HTTP/1.1\r\nHost: :80\r\n\r\n",
    "a target with an empty host": b"GET http:///x HTTP/1.1\r\nHost: t\r\n\r\n",
    "a target with a user name": b"GET http://me:pw@t/x HTTP/1.1\r\nHost: t\r\n\r\n",
    "a target with another scheme": b"GET ftp://t/x HTTP/1.1\r\nHost: t\r\n\r\n",
    "an asterisk for another method than OPTIONS": b"GET * HTTP/1.1\r\nHost: t\r\n\r\n",
    "a fragment in the target": b"GET /a#b?c HTTP/1.1\r\nHost: t\r\n\r\n",
    "a fragment in an absolute target": b"GET http://t/x#f HTTP/1.1\r\nHost: t\r\n\r\n",
    "two spaces in the request line": b"GET  / HTTP/1.1\r\nHost: t\r\n\r\n",
    "a tab in the request line": b"GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n",
    "a space before the request line": b" GET / HTTP/1.1\r\nHost: t\r\n\r\n",
    "a space after the version": b"GET / HTTP/1.1 \r\nHost: t\r\n\r\n",
    "two lengths that are equal": post("Content-Length: 3\r\nContent-Length: 3", b"abc"),
    "a list of lengths": post("Content-Length: 3, 3", b"abc"),
    "a length over 64 bits": post("Content-Length: 18446744073709551619", b"abc"),
    "an empty transfer encoding": post("Transfer-Encoding:", b"0\r\n\r\n"),
    "an empty element in Transfer-Encoding": post("Transfer-Encoding: , chunked", b"0\r\n\r\n"),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", b"0\r\n\r\n"),
    "gzip before chunked": post("Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "a no-break space before chunked": post("Transfer-Encoding: \xa0chunked", b"0\r\n\r\n"),
    "HTTP/0.9, and no empty line": b"GET /\r\n",
    "one word, and no empty line": b"GARBAGE\r\n",
    "an unknown version, and no empty line": b"GET / HTTP/2.0\r\n",
    "CONNECT, and no empty line": b"CONNECT t:443 HTTP/1.1\r\n",
    "a target without a slash, and no empty line": b"GET a HTTP/1.1\r\nHost: t\r\n",
    "a binary start": b"\x00\x01\x02hello",
    "a TLS client hello without an LF byte": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x07" * 150,
    "a CR alone before the request line": b"\r\n\rGET",
    "an expectation other than 100-continue": post("Expect: 200-ok\r\nContent-Length: 3", b"abc"),
}


DOCUMENTED = re.compile(
    r"^\| (?P<input>[^|]+?) +\| (?P<status>\d+|none) +\| (?P<reason>`\w+`|closed) +\|$", re.MULTILINE
)


def documented() -> dict[str, tuple[str, str]]:
    """The table of docs/operations.md: status and reason by input."""
    text = (_ROOT / "docs" / "operations.md").read_text()
    return {row["input"]: (row["status"], row["reason"].strip("`")) for row in DOCUMENTED.finditer(text)}
