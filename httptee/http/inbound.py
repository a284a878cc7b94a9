"""Makes a `Request` from a WSGI environ, as exactly as the server in front allows.

The tee's own server passes on the header list as received. Under another server the list is made from the environ:
names lose their case, fields lose their order, and duplicates are joined.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

from httptee.errors import BadRequest, BodyTooLarge, Refusal
from httptee.http.arriving import not_stored, unnamed_file, write_all
from httptee.http.grammar import check_codings, check_content, check_hosts, expects_continue, read_target
from httptee.http.headers import (
    Additions,
    has_host,
    outbound,
    values,
    with_host,
    with_id,
    with_origin,
    with_subject,
)
from httptee.http.hops import COUNTED, UPGRADE, asked_protocols, one_less
from httptee.http.message import Body, FileBody, Headers, Request
from httptee.http.uploads import STREAMED_BODY, StreamedBody

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

RECEIVED_HEADERS = "httptee.headers"
"""The environ key of the header list as the tee's own server received it."""
CLIENT_SUBJECT = "httptee.client_subject"
"""The environ key of the subject of the client's verified certificate."""
CLIENT = "httptee.client"
"""The environ key of the client's address by what trusted proxies say, which `receive` sets if there are any."""
REQUEST_ID = "httptee.request_id"
"""The environ key of the id of the request, which `receive` sets if a header field holds it."""
CONNECTION = "httptee.connection"
"""The environ key of the number of the connection in this process, and of the request on it, both from 1."""


_UNNUMBERED = (0, 0)
_PIECE = 256 * 1024
_TOO_SHORT = "the request body ended before its Content-Length"


def receive(environ: WSGIEnvironment, additions: Additions, in_memory: int, most: int) -> Request:
    """Read one request with its body. Its header fields are those to forward, with the tee's additions.

    A target in absolute-form becomes one for an origin server, and its authority replaces Host (RFC 9112 §3.2.2). A
    request of HTTP/1.0 may have neither. Then Host is empty (§3.2): the address of an upstream would claim that the
    client asked for it.

    A body of up to `in_memory` bytes becomes one immutable `bytes`; a longer one stays in a file, and one that still
    arrives is a `StreamedBody`. Raises a `Refusal` for a request that is not forwarded: CONNECT, a malformed target,
    Host or length, a body of more than `most` bytes or one that cannot be stored, a loop, and OPTIONS or TRACE with
    Max-Forwards: 0.
    """
    return request_of(environ, additions, lambda: _body(environ, in_memory, most))


def request_of(environ: WSGIEnvironment, additions: Additions, body_of: Callable[[], Body | None]) -> Request:
    """The same with the body that `body_of` gives, which may raise a Refusal; None for a request without one."""
    method = environ["REQUEST_METHOD"]
    target, authority = read_target(method, environ.get("REQUEST_URI") or target_of(environ))
    headers: Headers = environ[RECEIVED_HEADERS] if RECEIVED_HEADERS in environ else _headers(environ)
    peer = client = client_of(environ)
    if additions.proxies is not None:
        environ[CLIENT] = client = additions.proxies.client(peer, values(headers, "x-forwarded-for"))
    scheme = environ["wsgi.url_scheme"]
    if method in COUNTED:
        start = f"{method} {target_of(environ)} {environ.get('SERVER_PROTOCOL', 'HTTP/1.1')}"
        headers = one_less(method, start, headers)
    body = body_of()
    if additions.via and environ.get("SERVER_PROTOCOL") == "HTTP/1.0":
        additions = replace(additions, via="1.0" + additions.via[3:])  # the version received (RFC 9110 §7.6.3)
    upgrade = asked_protocols(headers) if additions.upgrades and UPGRADE in environ else ()
    framing = {"chunked": _chunked(body), "upgrades": bool(upgrade)}
    sent = outbound(headers, peer, scheme, None if body is None else len(body), additions, **framing)
    if authority is not None or not has_host(sent):
        sent = with_host(sent, authority or "")
    if additions.origin:
        sent = with_origin(sent, scheme, additions.proxies is not None and additions.proxies.trusts(peer))
    if additions.loops is not None:
        sent = additions.loops.passed(method, target, sent)
    if additions.subject_header:
        sent = with_subject(sent, additions.subject_header, environ.get(CLIENT_SUBJECT) or "")
    if additions.id_header:
        sent, environ[REQUEST_ID] = with_id(sent, additions.id_header)
    port = environ.get("REMOTE_PORT", "") if client == peer else ""
    return Request(method, target, sent, body or b"", client, scheme, port=port, upgrade=upgrade)


def client_of(environ: WSGIEnvironment) -> str:
    """The peer's address, or the client's by what trusted proxies say. An IPv4 peer of a dual-stack socket keeps its
    own (RFC 4291 §2.5.5.2)."""
    client: str = environ.get(CLIENT) or environ.get("REMOTE_ADDR") or ""
    return client[7:] if client.startswith("::ffff:") else client


def connection_of(environ: WSGIEnvironment) -> tuple[str, int]:
    """The client's port, or an empty text, and the number of its connection in this process, or 0 if it is unknown."""
    return environ.get("REMOTE_PORT", ""), environ.get(CONNECTION, _UNNUMBERED)[0]


def target_of(environ: WSGIEnvironment) -> str:
    """The target as the server received it, or rebuilt from its decoded parts if the environ does not contain it."""
    raw: str | None = environ.get("REQUEST_URI") or environ.get("RAW_URI")
    if raw:
        return raw
    path = quote(
        environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""), safe="/:@!$&'()*+,;=~", encoding="latin-1"
    )
    query = environ.get("QUERY_STRING", "")
    return f"{path or '/'}?{query}" if query else path or "/"


def _headers(environ: WSGIEnvironment) -> Headers:
    """The header list from the keys of the environ. Raises a Refusal for a malformed Host, an unknown Expect, or a
    TRACE with content."""
    host = environ.get("HTTP_HOST")
    if host is not None:
        check_hosts(host.split(","), required=False)  # a comma means two fields that the server has joined
    expects_continue(environ.get("HTTP_EXPECT", ""))
    if environ.get("CONTENT_LENGTH", "").strip("0") or "HTTP_TRANSFER_ENCODING" in environ:
        check_content(environ["REQUEST_METHOD"])
    headers = [
        (_name_of(key), value)
        for key, value in environ.items()
        if key.startswith("HTTP_") and key not in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH")
    ]
    for key, name in (("CONTENT_TYPE", "Content-Type"), ("CONTENT_LENGTH", "Content-Length")):
        if environ.get(key):
            headers.append((name, environ[key]))
    return headers


@lru_cache(maxsize=1024)
def _name_of(key: str) -> str:
    """The name of a header field for its key in the environ."""
    return "-".join(word.capitalize() for word in key[5:].split("_"))


def _body(environ: WSGIEnvironment, in_memory: int, most: int) -> Body | None:
    """The body, or None for a request without one: an empty body has framing, no body has none."""
    if STREAMED_BODY in environ:
        return StreamedBody(environ[STREAMED_BODY])
    announced = environ.get("CONTENT_LENGTH")
    source: BinaryIO = environ["wsgi.input"]
    try:
        if announced:
            return _announced(source, announced, in_memory, most)
        coding = environ.get("HTTP_TRANSFER_ENCODING")
        if coding is not None:
            check_codings([coding])
            return _unannounced(source, in_memory, most)
    except OSError as error:
        raise _unread(error) from None
    return None


def _chunked(body: Body | None) -> bool:
    """Whether a body streams and has no known length."""
    return isinstance(body, StreamedBody) and body.length is None


def _announced(source: BinaryIO, announced: str, in_memory: int, most: int) -> Body:
    """A body with its length. Never reads beyond it: the input of another server may not end there (PEP 3333)."""
    if not (announced.isascii() and announced.isdigit()):
        raise BadRequest("Content-Length is not a number")
    length = int(announced)
    if length > most:
        raise BodyTooLarge(f"the request body is over the limit of {most} bytes")
    if length <= in_memory:
        body = _read(source, length) if length else b""
        if len(body) < length:
            raise BadRequest(_TOO_SHORT)
        return body
    if hasattr(source, "fileno") and getattr(source, "seekable", bool)():
        if _left(source) < length:
            raise BadRequest(_TOO_SHORT)
        return FileBody(source, length)
    return _spool(source, b"", length, exactly=True)


def _unannounced(source: BinaryIO, in_memory: int, most: int) -> Body:
    """A chunked body from a server that does not give its length."""
    start = _read(source, in_memory + 1)
    return start if len(start) <= in_memory else _spool(source, start, most)


def _read(source: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, or fewer at the end of the input. One read may return less without being at the end."""
    data = source.read(size)
    if len(data) == size or not data:
        return data
    pieces = [data]
    left = size - len(data)
    while left and (piece := source.read(left)):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def _left(source: BinaryIO) -> int:
    """Bytes from the current position of a file to its end."""
    position = source.tell()
    end = source.seek(0, os.SEEK_END)
    source.seek(position)
    return end - position


def _spool(source: BinaryIO, start: bytes, most: int, *, exactly: bool = False) -> FileBody:
    """Copy a body of at most `most` bytes, or of `exactly` that many, into an unnamed file."""
    file = unnamed_file()
    try:
        write_all(file, start)
        length = len(start)
        while piece := source.read(min(_PIECE, most - length + (not exactly))):
            write_all(file, piece)
            length += len(piece)
            if length > most:
                raise BodyTooLarge(f"the request body is over the limit of {most} bytes")
        if exactly and length < most:
            raise BadRequest(_TOO_SHORT)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return FileBody(file, length)


def _unread(error: OSError) -> Refusal:
    """The refusal for an error while a body was read or stored. An error of the client's connection has no number, or
    is a ConnectionError or a TimeoutError."""
    if error.errno is None or isinstance(error, ConnectionError | TimeoutError):
        return BadRequest("the request body could not be read from the client")
    return not_stored(error)
