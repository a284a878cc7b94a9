"""The content of an answer without its content coding, as far as it can be read, within a limit."""

from __future__ import annotations

import importlib
import zlib
from typing import Any

from httptee.http import Headers, values

LIMIT = 1 << 20
"""Bytes. What is longer is cut: it is shown to people, and not compared."""


def decoded(headers: Headers, body: bytes, limit: int = LIMIT) -> tuple[bytes, str]:
    """The content, and a note about what was done to it; the note is empty if the body has no content coding.

    Content that breaks off or is too long is given as far as it goes, and the note says so.
    """
    codings = [word.strip().lower() for value in values(headers, "content-encoding") for word in value.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    notes: list[str] = []
    for coding in reversed(codings[-3:]):
        try:
            body, whole = _step(coding, body, limit)
        except (zlib.error, ValueError, KeyError, ImportError, MemoryError):
            # Nothing of it is given: whether it holds a credential is unknown.
            return b"", "; ".join([*notes, f"cannot be read as {coding[:40]}, and not kept"])
        notes.append(f"decoded from {coding}" + ("" if whole else ", incomplete"))
        if not whole:
            break
    return body, "; ".join(notes)


def _step(coding: str, body: bytes, limit: int) -> tuple[bytes, bool]:
    """One coding less, and whether that is the whole content."""
    if coding in ("gzip", "x-gzip"):
        return _inflate(body, 31, limit)
    if coding == "deflate":
        return _inflate(body, 15 if body[:1] and body[0] & 15 == 8 else -15, limit)
    if coding == "br":
        return _brotli(body, limit)
    if coding == "zstd":
        return _zstandard(body, limit)
    raise ValueError(f"unknown content coding: {coding}")


def _inflate(body: bytes, bits: int, limit: int) -> tuple[bytes, bool]:
    reader = zlib.decompressobj(bits)
    data = reader.decompress(body, limit)
    return data, reader.eof


def _brotli(body: bytes, limit: int) -> tuple[bytes, bool]:
    module: Any = importlib.import_module("brotli")
    reader = module.Decompressor()
    try:
        pieces, length = [reader.process(body, output_buffer_limit=limit)], 0
        length = len(pieces[0])
        while length < limit and not reader.is_finished() and (piece := reader.process(b"", output_buffer_limit=limit)):
            pieces.append(piece)
            length += len(piece)
    except (TypeError, module.error):
        raise ValueError("not readable within a limit") from None
    return b"".join(pieces)[:limit], bool(reader.is_finished())


def _zstandard(body: bytes, limit: int) -> tuple[bytes, bool]:
    module: Any = importlib.import_module("zstandard")
    try:
        with module.ZstdDecompressor(max_window_size=1 << 23).stream_reader(body) as reader:
            data: bytes = reader.read(limit + 1)
    except module.ZstdError:
        raise ValueError("not zstd") from None
    return data[:limit], len(data) <= limit
