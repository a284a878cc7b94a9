"""What a body is: by its Content-Type, and by its beginning where that says nothing or is wrong."""

from __future__ import annotations

import re

JSON, LINES, FORM, HTML, XML, TEXT, BYTES = "JSON", "JSON lines", "form", "HTML", "XML", "text", "bytes"

_TYPES = {
    "application/json": JSON,
    "text/json": JSON,
    "application/x-ndjson": LINES,
    "application/ndjson": LINES,
    "application/jsonl": LINES,
    "application/x-jsonlines": LINES,
    "application/jsonlines": LINES,
    "application/stream+json": LINES,
    "application/json-seq": LINES,
    "application/x-www-form-urlencoded": FORM,
    "text/html": HTML,
    "application/xhtml+xml": HTML,
    "application/xml": XML,
    "text/xml": XML,
    "application/javascript": TEXT,
    "application/ecmascript": TEXT,
    "application/yaml": TEXT,
    "application/x-yaml": TEXT,
    "application/toml": TEXT,
    "application/sql": TEXT,
    "application/graphql": TEXT,
}
_BINARY = ("image/", "audio/", "video/", "font/", "multipart/")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_CHARSETS = {
    "iso-8859-1": "cp1252",  # as browsers read it
    "latin1": "cp1252",
    "windows-1252": "cp1252",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
}


def declared(content_type: str) -> str:
    """What Content-Type says, or an empty text if it says nothing that helps."""
    kind = content_type.partition(";")[0].strip().lower()
    known = _TYPES.get(kind)
    if known is not None:
        return known
    if kind.endswith("+json"):
        return JSON
    if kind.endswith("+xml"):
        return XML
    if kind.startswith(_BINARY):
        return BYTES
    return TEXT if kind.startswith("text/") and kind != "text/plain" else ""


def guesses(content_type: str, body: bytes) -> tuple[str, ...]:
    """What the body may be, the most likely first. What it is not can be told by parsing it."""
    kind = declared(content_type)
    if kind in (JSON, LINES, FORM, XML, BYTES):
        return (kind,)
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:15].lower()
    if start[:1] in (b"{", b"["):
        return (JSON, LINES, kind or TEXT)
    if not kind and start.startswith(b"<?xml"):
        return (XML, TEXT)
    if not kind and start.startswith((b"<!doctype html", b"<html")):
        return (HTML,)
    return (kind or TEXT,)


def text(content_type: str, body: bytes) -> str | None:
    """The body as text, or None if it holds NUL or is not in its charset (UTF-8, unless Content-Type names another)."""
    found = _CHARSET.search(content_type) if content_type else None
    charset = _CHARSETS.get(found[1].lower(), "utf-8") if found else "utf-8"
    try:
        decoded = body.decode(charset)
    except UnicodeDecodeError:
        return None
    return None if "\0" in decoded else decoded
