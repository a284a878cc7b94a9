"""Bad input: refused with the status that the table in docs/operations.md names, never passed on, never a traceback."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.tee import Tee

pytestmark = pytest.mark.integration


def post(framing: str, body: bytes = b"") -> bytes:
    """A POST with these framing headers, and behind it what must never be taken for a request of its own."""
    head = f"POST / HTTP/1.1\r\nHost: t\r\n{framing}\r\n\r\n".encode()
    return head + body + b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n"


MALFORMED = {
    "a bare LF as line end": b"GET / HTTP/1.1\nHost: t\n\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two Hosts": b"GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n",
    "a folded header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\r\n b\r\n\r\n",
    "CONNECT": b"CONNECT t:443 HTTP/1.1\r\nHost: t\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "chunks in HTTP/1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk extension beyond all measure": post("Transfer-Encoding: chunked", b"3;" + b"x" * 10_000),
    "a body over -max-request-body": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n",
    "chunks over -max-request-body": post("Transfer-Encoding: chunked", b"1e8480\r\n" + b"x" * 2_000_000 + b"\r\n" * 2),
    "half a header section, then silence": b"GET / HTTP/1.1\r\nHost: t\r\n",
    "half a body, then silence": b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\nabc",
    "silence": b"",
    "no request line": b"GARBAGE\r\n\r\n",
    "three words too many": b"GET / HTTP/1.1 and more\r\nHost: t\r\n\r\n",
    "a TLS client hello": b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + b"\x07" * 150 + b"\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": b"GET / HTTP/7.3\r\nHost: t\r\n\r\n",
    "a target without a slash": b"GET a HTTP/1.1\r\nHost: t\r\n\r\n",
    "a method that is no token": b"GE(T / HTTP/1.1\r\nHost: t\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost: t\r\nnonsense\r\n\r\n",
    "a header name with a space": b"GET / HTTP/1.1\r\nHost: t\r\nX y: 1\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost: t\r\nX : 1\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nHost: t\r\n: 1\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\x00b\r\n\r\n",
    "CR alone in a header": b"GET / HTTP/1.1\r\nHost: t\r\nX: a\rb\r\n\r\n",
    "a length that is none": post("Content-Length: many"),
    "a negative length": post("Content-Length: -1"),
    "a length with a plus": post("Content-Length: +3", b"abc"),
    "two lengths that differ": post("Content-Length: 3\r\nContent-Length: 4", b"abcd"),
    "a length and chunks": post("Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
    "chunks and a length": post("Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
    "a folded transfer encoding": post("Transfer-Encoding:\r\n chunked", b"0\r\n\r\n"),
    "an unknown transfer encoding": post("Transfer-Encoding: rot13", b"abc"),
    "chunked that is not the last encoding": post("Transfer-Encoding: chunked, gzip", b"0\r\n\r\n"),
    "a chunk size that is none": post("Transfer-Encoding: chunked", b"xyz\r\nabc\r\n0\r\n\r\n"),
    "a chunk longer than its size": post("Transfer-Encoding: chunked", b"1\r\nabc\r\n0\r\n\r\n"),
    "headers beyond all measure": b"GET / HTTP/1.1\r\nHost: t\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
    "a target beyond all measure": b"GET /" + b"y" * 300_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
}


DOCUMENTED = re.compile(
    r"^\| (?P<input>[^|]+?) +\| (?P<status>\d+|none) +\| (?P<reason>`\w+`|closed) +\|$", re.MULTILINE
)


def documented() -> dict[str, tuple[str, str]]:
    """The table of docs/operations.md: status and reason by input."""
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    return {row["input"]: (row["status"], row["reason"].strip("`")) for row in DOCUMENTED.finditer(text)}


def test_the_documented_table_has_every_input_and_no_other() -> None:
    assert list(documented()) == list(MALFORMED)


@pytest.mark.parametrize("name", MALFORMED)
def test_each_gets_the_documented_answer_and_a_and_b_hear_nothing(name: str) -> None:
    status, reason = documented()[name]
    options = ("-max-request-body", "1500000", "-client-timeout", "2000")
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, *options) as tee:
        with RawClient(tee.port) as client:
            with contextlib.suppress(ConnectionError):  # refused before all of it was sent
                client.send(MALFORMED[name])
            if reason == "closed":
                assert client.at_end()
            else:
                answer = client.answer()
                assert (str(answer.status), answer.value("X-Httptee-Error")) == (status, reason)
                assert b"Traceback" not in answer.body
                assert answer.keeps_alive or client.at_end()
        assert ask(tee.port, target="/afterwards").status == 200
        assert [request.target for request in a.requests] == ["/afterwards"]
        assert [request.target for request in b.wait_for_requests()] == ["/afterwards"]
