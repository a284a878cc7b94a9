"""A pair as HAR 1.2, a JSON format that browsers and other tools read: one entry for A's exchange and one for B's."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl

from httptee.http import Headers, values
from httptee.verdict.display.variables import CannotSend, filled, variables
from httptee.verdict.evidence import StoredAnswer, StoredPair, StoredRequest
from httptee.version import __version__

HAR_HEAD = {"version": "1.2", "creator": {"name": "httptee", "version": __version__}}
"""How the `log` of each document begins."""


def har(pair: StoredPair) -> dict[str, Any]:
    """The document. Credentials stand as `$NAME`. A body that is no text is in base64, `_encoding` says so.

    Raises CannotSend.
    """
    if pair.request is None:
        raise CannotSend(f"pair {pair.number} cannot be sent again: only the {pair.keep} are kept")
    known = variables(pair.names)
    sides = (("A", pair.a, pair.at, pair.a_seconds), ("B", pair.b, pair.b_at, pair.b_seconds))
    entries = [
        {
            **har_entry(pair.request, answer, at - seconds, (0, seconds, 0), known),
            "comment": side if side == "A" else f"B {pair.backend}",
        }
        for side, answer, at, seconds in sides
        if answer is not None
    ]
    return {"log": {**HAR_HEAD, "entries": entries, "comment": f"pair {pair.number}"}}


def har_entry(
    request: StoredRequest,
    answer: StoredAnswer,
    started: float,
    timings: tuple[float, float, float],
    known: Mapping[str, str],
) -> dict[str, Any]:
    """One entry. `started` is in seconds since the epoch; the seconds to send, to wait and to receive are `timings`."""
    send, wait, receive = (round(seconds * 1000, 6) for seconds in timings)
    return {
        "startedDateTime": datetime.fromtimestamp(max(0.0, started), timezone.utc).isoformat(),
        "time": round(sum(timings) * 1000, 3),
        "request": _request(request, known),
        "response": _response(answer, known),
        "cache": {},
        "timings": {"send": send, "wait": wait, "receive": receive},
    }


def _request(request: StoredRequest, known: Mapping[str, str]) -> dict[str, Any]:
    target = filled(request.target, known)
    host = next(iter(values(request.headers, "host")), "localhost")
    url = target if "://" in target.partition("?")[0] else f"{request.scheme}://{host}{target}"
    headers = [pair for pair in request.headers if not (request.note and pair[0].lower() == "content-encoding")]
    found: dict[str, Any] = {
        "method": request.method,
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _fields(headers, known),
        "queryString": [
            {"name": name, "value": value}
            for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True, max_num_fields=None)
        ],
        "headersSize": -1,
        "bodySize": request.length,
    }
    if request.length:
        kind = next(iter(values(request.headers, "content-type")), "")
        found["postData"] = {"mimeType": kind, "params": [], **_text(request.body, known, "_encoding")}
    return found


def _response(answer: StoredAnswer, known: Mapping[str, str]) -> dict[str, Any]:
    kind = next(iter(values(answer.headers, "content-type")), "")
    found: dict[str, Any] = {
        "status": answer.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": _fields(answer.headers, known),
        "content": {"size": answer.length, "mimeType": kind, **_text(answer.body, known, "encoding")},
        "redirectURL": next(iter(values(answer.headers, "location")), ""),
        "headersSize": -1,
        "bodySize": answer.length,
    }
    return {**found, "_error": answer.failure} if answer.failure else found


def _fields(headers: Headers, known: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": filled(value, known)} for name, value in headers]


def _text(body: bytes | None, known: Mapping[str, str], encoding: str) -> dict[str, str]:
    if body is None:
        return {"text": "", "comment": "too long to be kept"}
    try:
        return {"text": filled(body.decode("utf-8"), known)}
    except UnicodeDecodeError:
        return {"text": b64encode(body).decode("ascii"), encoding: "base64"}
