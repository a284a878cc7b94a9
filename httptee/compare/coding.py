"""Content codings undone, with a bound on the output (RFC 9110 §8.4): gzip, deflate, and br and zstd if installed.

The bound also holds for the work: a body that would become larger is given up as soon as it does.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

MAX_DECODED = 4 << 20
"""Bytes. A body that is larger once decoded is not looked into."""

_MAX_CODINGS = 3
_MAX_MEMBERS = 1000
_CHUNK = 64  # four bytes of zstd may stand for 128 KiB
_WINDOW = 8 << 20  # RFC 9659 §3


class Undecodable(Exception):
    """A body is not what its header fields say. The text is the reason."""


def decoded(body: bytes, codings: str, limit: int = MAX_DECODED) -> bytes:
    """The content without the codings of a Content-Encoding value. Raises `Undecodable`.

    An empty body stays empty: it may be the answer to HEAD.
    """
    names = [
        name for name in codings.lower().replace(" ", "").replace("\t", "").split(",") if name not in ("", "identity")
    ]
    if not names or not body:
        return body
    if len(names) > _MAX_CODINGS:
        raise Undecodable(f"{len(names)} content codings")
    for name in reversed(names):
        decoder = _DECODERS.get(name)
        if decoder is None:
            raise _no_decoder(name)
        body = decoder(body, limit)
    return body


def _inflate(body: bytes, bits: int, limit: int, name: str) -> bytes:
    """One or more streams, one behind the other (RFC 1952 §2.2)."""
    parts: list[bytes] = []
    left = limit
    for _ in range(_MAX_MEMBERS):
        stream = zlib.decompressobj(bits)
        try:
            parts.append(stream.decompress(body, left + 1))
        except zlib.error as error:
            raise Undecodable(f"not {name}: {error}") from None
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(limit)
        if not stream.eof:
            raise Undecodable(f"the {name} stream is cut off")
        body = stream.unused_data.lstrip(b"\0")
        if not body:
            return b"".join(parts)
    raise Undecodable(f"over {_MAX_MEMBERS} {name} streams")


def _gzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, 31, limit, "gzip")


def _deflate(body: bytes, limit: int) -> bytes:
    """The zlib format, or the bare stream that some servers send (RFC 9110 §8.4.1.2)."""
    try:
        return _inflate(body, 15, limit, "deflate")
    except Undecodable:
        if body[0] & 0x0F == 8 and len(body) > 1 and (body[0] << 8 | body[1]) % 31 == 0:
            raise
        return _inflate(body, -15, limit, "deflate")


def _too_large(limit: int) -> Undecodable:
    return Undecodable(f"more than {limit} bytes when decoded")


def _no_decoder(name: str) -> Undecodable:
    return Undecodable(f"no decoder for the content coding {name[:20]!r}")


@cache
def _loaded(name: str) -> Any:
    """A module of the extra `codecs`, or None if it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None


def _brotli(body: bytes, limit: int) -> bytes:
    brotli = _loaded("brotli")
    if brotli is None:
        raise _no_decoder("br")
    stream = brotli.Decompressor()
    parts: list[bytes] = []
    left = limit + 1
    try:
        while left > 0 and not stream.is_finished() and (not parts or not stream.can_accept_more_data()):
            parts.append(stream.process(b"" if parts else body, output_buffer_limit=left))
            left -= len(parts[-1])
    except TypeError:  # before 1.2 it had no bound
        raise _no_decoder("br") from None
    except brotli.error as error:
        raise Undecodable(f"not br: {error}") from None
    if left <= 0:
        raise _too_large(limit)
    if not stream.is_finished():
        raise Undecodable("the br stream is cut off")
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    own = _loaded("compression.zstd")  # Python 3.14
    if own is not None:
        stream = own.ZstdDecompressor(options={own.DecompressionParameter.window_log_max: _WINDOW.bit_length() - 1})
        return _stepwise(stream, body, limit, own.ZstdError)
    other = _loaded("zstandard")
    if other is None:
        raise _no_decoder("zstd")
    stream = other.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
    return _stepwise(stream, body, limit, other.ZstdError)


def _stepwise(stream: Any, body: bytes, limit: int, failure: type[Exception]) -> bytes:
    """Feed a zstd stream, which has no bound of its own, in chunks so small that one cannot become large."""
    parts: list[bytes] = []
    left = limit
    for start in range(0, len(body), _CHUNK):
        try:
            parts.append(stream.decompress(body[start : start + _CHUNK]))
        except (failure, MemoryError) as error:
            raise Undecodable(f"not zstd: {error}") from None
        left -= len(parts[-1])
        if left < 0:
            raise _too_large(limit)
        if stream.eof:
            if stream.unused_data or start + _CHUNK < len(body):
                raise Undecodable("bytes behind the end of the zstd stream")
            return b"".join(parts)
    raise Undecodable("the zstd stream is cut off")


_DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
