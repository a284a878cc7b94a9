"""What a scripted server may do: answer, be late, be silent, break off, talk nonsense.

Each function returns a script for `ScriptedServer`. Scripts that answer do so for every request of a connection.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from .scripted import Connection, Script
from .wire import Headers, Request

Application = Callable[[Request], bytes]

GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00 this is not HTTP \xff\xfe\r\n\r\n"


def response(
    status: str = "200 OK", body: bytes | None = b"ok", headers: Headers | None = None, *, version: str = "1.1"
) -> bytes:
    """An answer as bytes; Content-Length comes last unless `body` is None or the headers already frame it."""
    pairs = list(headers or [])
    framed = {"content-length", "transfer-encoding"} & {name.lower() for name, _ in pairs}
    if body is not None and not framed:
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"HTTP/{version} {status}", *(f"{name}: {value}" for name, value in pairs), "", ""]
    return "\r\n".join(lines).encode("latin-1") + (body or b"")


def chunked(*pieces: bytes, last: bool = True) -> bytes:
    """Pieces as chunks; without `last` the body never ends properly."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + (b"0\r\n\r\n" if last else b"")


def chunked_response(*pieces: bytes, last: bool = True, headers: Headers | None = None) -> bytes:
    """A 200 with a chunked body."""
    return response(body=None, headers=[*(headers or []), ("Transfer-Encoding", "chunked")]) + chunked(
        *pieces, last=last
    )


def serve(application: Application) -> Script:
    """Answer every request with what the application makes of it, on a connection kept alive."""

    def script(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            connection.send(application(request))
            if request.value("Connection") == "close":
                return

    return script


def answer(raw: bytes | None = None) -> Script:
    """Answer every request with the same bytes."""
    fixed = response() if raw is None else raw
    return serve(lambda request: fixed)


def answer_and_close(raw: bytes) -> Script:
    """Answer one request and close, announced or not: also cuts an answer whose bytes promise more."""

    def script(connection: Connection) -> None:
        if connection.request() is not None:
            connection.send(raw)

    return script


def end_with(raw: bytes) -> Script:
    """Answer one request. The last bytes and the end of the connection come in one segment."""

    def script(connection: Connection) -> None:
        if connection.request() is not None:
            connection.sock.send(raw, socket.MSG_MORE)  # held back by the kernel, which then adds the FIN to it
            connection.sock.close()

    return script


def reset_after(raw: bytes = b"") -> Script:
    """Send these bytes, then reset the connection."""

    def script(connection: Connection) -> None:
        if connection.request() is not None:
            connection.send(raw)
            if raw:
                connection.pause(0.1)  # a RST overtakes what the peer has not read yet
            connection.reset()

    return script


def delayed(seconds: float, raw: bytes | None = None) -> Script:
    """Answer every request, but late."""

    def script(connection: Connection) -> None:
        while connection.request() is not None:
            connection.pause(seconds)
            connection.send(response() if raw is None else raw)

    return script


def blackhole() -> Script:
    """Accept, read whatever comes, never say a word."""

    def script(connection: Connection) -> None:
        while connection.request() is not None:
            pass

    return script


def trickle(raw: bytes, *, size: int = 1, pause: float = 0.05) -> Script:
    """Answer in pieces of `size` bytes with a pause after each."""

    def script(connection: Connection) -> None:
        while connection.request() is not None:
            for at in range(0, len(raw), size):
                connection.send(raw[at : at + size])
                connection.pause(pause)

    return script


def garbage(raw: bytes = GARBAGE) -> Script:
    """Answer with bytes that are not HTTP."""
    return answer_and_close(raw)


def endless(block: bytes = b"x" * 65536) -> Script:
    """Answer 200 and never stop sending its body."""

    def script(connection: Connection) -> None:
        while connection.request() is not None:
            connection.send(response(body=None))
            while True:
                connection.send(block)

    return script


def early(raw: bytes) -> Script:
    """Answer as soon as the head has come, without reading the body, and close."""

    def script(connection: Connection) -> None:
        connection.head()
        connection.send(raw)

    return script


def large(length: int, block: bytes = b"\0" * 65536) -> Script:
    """Answer 200 with a body of `length` bytes under Content-Length (none to HEAD)."""

    def script(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            connection.send(response(body=None, headers=[("Content-Length", str(length))]))
            sent = length if request.method == "HEAD" else 0
            while sent < length:
                connection.send(block[: length - sent])
                sent += len(block)

    return script
