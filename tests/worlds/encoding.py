"""A draft as an `Outcome`: content to bytes, content coding, and the header fields that every server adds."""

from __future__ import annotations

import gzip
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import brotli
import orjson

from httptee.compare.outcome import Outcome
from httptee.http import Headers
from tests.worlds.service import Draft, Moment

TYPES = {
    "json": "application/json",
    "lines": "application/x-ndjson",
    "html": "text/html; charset=utf-8",
    "xml": "application/xml",
    "form": "application/x-www-form-urlencoded",
    "text": "text/plain; charset=utf-8",
    "bytes": "application/octet-stream",
}
_SMALL = 400
"""Bodies below this number of bytes are sent without a content coding."""


@lru_cache(maxsize=64)
def http_date(second: int) -> str:
    """A point in time as in the field Date."""
    return formatdate(second, usegmt=True)


def turned(content: Any) -> Any:
    """The same JSON with the members of every object in reverse order."""
    if isinstance(content, dict):
        return {name: turned(content[name]) for name in reversed(content)}
    if isinstance(content, list):
        return [turned(each) for each in content]
    return content


def content_bytes(draft: Draft, other: bool) -> bytes:
    """The body of a draft without a content coding. `other`: in another order of members and with white space."""
    content = draft.content
    if draft.kind == "json":
        return orjson.dumps(turned(content), option=orjson.OPT_INDENT_2) if other else orjson.dumps(content)
    if draft.kind == "lines":
        return b"".join(orjson.dumps(turned(line) if other else line) + b"\n" for line in content)
    if draft.kind == "form":
        return urlencode(content).encode()
    return content if isinstance(content, bytes) else str(content).encode()


def coded(body: bytes, accepted: str, other: bool) -> tuple[bytes, str]:
    """The body in a content coding that the client accepts, and its name."""
    if len(body) < _SMALL:
        return body, ""
    if other and "br" in accepted:
        return brotli.compress(body, quality=1), "br"
    if "gzip" in accepted:
        return gzip.compress(body, 1, mtime=0), "gzip"
    return body, ""


def encoded(draft: Draft, moment: Moment, other: bool) -> Outcome:
    """The answer. `other`: encoded differently, with the same meaning, and in chunks."""
    headers: Headers = [("Date", http_date(int(moment.at)))]
    body = b""
    if draft.content is not None:
        body = content_bytes(draft, other)
        headers.append(("Content-Type", TYPES[draft.kind]))
        if draft.kind != "bytes":
            headers.append(("Vary", "Accept-Encoding"))
            body, coding = coded(body, moment.header("accept-encoding"), other)
            if coding:
                headers.append(("Content-Encoding", coding))
    headers += draft.headers
    if not other and draft.status != 204:
        headers.append(("Content-Length", str(len(body))))
    return Outcome(draft.status, headers, body, len(body))


def with_body(outcome: Outcome, body: bytes) -> Outcome:
    """The same answer with another body as it is on the wire."""
    headers = [(name, str(len(body)) if name == "Content-Length" else value) for name, value in outcome.headers]
    return Outcome(outcome.status, headers, body, len(body))
