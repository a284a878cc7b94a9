"""HAR 1.2: a JSON document with one entry for each exchange. Browsers and other tools write and read it.

A body that is no text in UTF-8 stands there in base64. A body has the bytes that were sent, with their content coding;
what browsers save has none any more, so its Content-Encoding is left out.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

import orjson

from httptee.http import Headers
from httptee.recording import Exchange, Kept, read_time
from httptee.recording.formats.payloads import Readable
from httptee.recording.formats.stored import stored_answer, stored_request
from httptee.verdict.display import HAR_HEAD, har_entry

_LARGEST = 512 << 20
_BEFORE = ("blocked", "dns", "connect", "send", "wait")  # ms until the first byte; `ssl` is part of `connect`
_FRAMING = frozenset(("content-encoding", "transfer-encoding", "content-length"))


class HarWriter:
    """Writes exchanges as one document. `losses` counts what it does not hold."""

    losses_of_form = "times below a microsecond, and the form of bodies that are no text: they are in base64"

    def __init__(self, file: BinaryIO) -> None:
        self.losses: Counter[str] = Counter()
        self._file = file
        comment = f"Recorded by httptee. Not kept: {self.losses_of_form}."
        head = orjson.dumps({**HAR_HEAD, "comment": comment})
        self._before = b'{"log":' + head[:-1] + b',"entries":[\n'

    def write(self, exchange: Exchange) -> None:
        """Write one exchange. Raises OSError."""
        for body, what in ((exchange.body, "request"), (exchange.answer_body, "answer")):
            if not body.whole:
                self.losses[f"bodies of {what}s left out: they were too long to be recorded"] += 1
        self._file.write(self._before + orjson.dumps(entry_of(exchange)))
        self._before = b",\n"

    def close(self) -> None:
        """Write the end. Raises OSError."""
        if self._before != b",\n":
            self._file.write(self._before)
        self._file.write(b"\n]}}\n")


def entry_of(exchange: Exchange) -> dict[str, Any]:
    """The entry for an exchange. Fields of our own, with `_`, hold what the format has no place for."""
    first = max(0, exchange.first_byte) / 1e9
    rest = max(0, exchange.ended) / 1e9 - first
    found = har_entry(
        stored_request(exchange), stored_answer(exchange), exchange.arrived / 1e9, (0, first, max(0.0, rest)), {}
    )
    found["startedDateTime"] = _stamp(exchange.arrived)
    found["connection"] = str(exchange.connection)
    found["_place"], found["_client"] = exchange.place, exchange.client
    if _target(found["request"]["url"]) != exchange.target:
        found["request"]["_target"] = exchange.target
    found["response"]["statusText"] = exchange.reason
    comments = []
    for body, message in ((exchange.body, "request"), (exchange.answer_body, "answer")):
        if not body.whole:
            comments.append(f"the body of the {message} was too long to be recorded")
        elif _in_base64(found, message):
            comments.append(f"the body of the {message} is no text, and is in base64")
    if comments:
        found["comment"] = "; ".join(comments)
    return found


def _in_base64(entry: dict[str, Any], message: str) -> bool:
    """Whether this body stands in the entry in base64."""
    if message == "request":
        return "_encoding" in entry["request"].get("postData", {})
    return "encoding" in entry["response"]["content"]


class HarReader:
    """Reads the exchanges of a document. `losses` counts what could not be taken. Raises ValueError for no HAR."""

    def __init__(self, file: Readable) -> None:
        self.losses: Counter[str] = Counter()
        data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError(f"a HAR of over {_LARGEST >> 20} MiB is not read")
        try:
            log = orjson.loads(data)["log"]
            self._entries = list(log["entries"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError("this is no HAR") from None
        creator = log.get("creator")
        self._own = isinstance(creator, dict) and creator.get("name") == HAR_HEAD["creator"]["name"]  # type: ignore[index]
        self._connections: dict[str, list[int]] = {}

    def __iter__(self) -> Iterator[Exchange]:
        for entry in self._entries:
            try:
                yield self._exchange(entry)
            except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
                self.losses["entries that are no exchange"] += 1

    def _exchange(self, entry: dict[str, Any]) -> Exchange:
        asked, answer = entry["request"], entry.get("response") or {}
        status = int(answer.get("status") or 0)
        times = entry.get("timings") or {}
        first = sum(max(0.0, float(times.get(name) or 0)) for name in _BEFORE)
        ended = first + max(0.0, float(times.get("receive") or 0))
        method, url = _text(asked["method"]), _text(asked["url"])
        target = _text(asked.get("_target") or _target(url))
        if not method or not target or not 0 <= status <= 999:
            raise ValueError("no request")
        body, answer_body = _posted(asked.get("postData") or {}), _content(answer.get("content") or {})
        connection, place = self._place(entry)
        return Exchange(
            connection=connection,
            place=place,
            client=_text(entry.get("_client") or ""),
            arrived=_nanoseconds(str(entry["startedDateTime"])),
            first_byte=round(first * 1e6) if status else -1,
            ended=round(ended * 1e6) if status else -1,
            method=method,
            target=target,
            headers=self._headers(asked, body, url),
            body=Kept.of(body),
            status=status,
            reason=_text(answer.get("statusText") or ""),
            answer_headers=self._headers(answer, answer_body, ""),
            answer_body=Kept.of(answer_body),
            error=_text(answer.get("_error") or ""),
        )

    def _place(self, entry: dict[str, Any]) -> tuple[int, int]:
        """The numbers of the connection and of the request on it. Without a name, it is a connection of its own."""
        name = str(entry.get("connection") or f"/{len(self._connections)}")
        known = self._connections.setdefault(name, [len(self._connections) + 1, 0])
        known[1] += 1
        if self._own and name.isdigit():
            return int(name), int(entry.get("_place") or known[1])
        return known[0], known[1]

    def _headers(self, message: dict[str, Any], body: bytes, url: str) -> tuple[tuple[str, str], ...]:
        """The fields. Those of HTTP/2 that begin with a colon become a Host."""
        found: Headers = [(_text(one["name"]), _text(one["value"])) for one in message.get("headers") or ()]
        if self._own:
            return tuple(found)
        kept = [pair for pair in found if pair[0][:1] != ":" and pair[0].lower() not in _FRAMING]
        if url and not any(name.lower() == "host" for name, _ in kept):
            kept.insert(0, ("Host", urlsplit(url).netloc.rpartition("@")[2]))
        if body or any(name.lower() == "content-length" for name, _ in found):
            kept.append(("Content-Length", str(len(body))))
        return tuple(kept)


def _target(url: str) -> str:
    """The request target of a URL, in origin-form."""
    rest = url.partition("://")[2].partition("#")[0]
    at = min((found for found in (rest.find("/"), rest.find("?")) if found >= 0), default=len(rest))
    return rest[at:] if rest[at : at + 1] == "/" else "/" + rest[at:]


def _text(value: Any) -> str:
    """A text with one character for each byte. What cannot be one is written in UTF-8. Raises TypeError."""
    if not isinstance(value, str):
        raise TypeError("no text")
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass").decode("latin-1")
    return value


def _posted(found: dict[str, Any]) -> bytes:
    text = found.get("text")
    if not text and found.get("params"):
        return urlencode([(one["name"], one.get("value") or "") for one in found["params"]]).encode()
    return _decoded(text or "", found.get("_encoding") or found.get("encoding"))


def _content(found: dict[str, Any]) -> bytes:
    return _decoded(found.get("text") or "", found.get("encoding"))


def _decoded(text: str, encoding: str | None) -> bytes:
    """The bytes of a body. Raises ValueError if its base64 is broken."""
    if encoding == "base64":
        try:
            return b64decode(text)
        except binascii.Error:
            raise ValueError("the base64 is broken") from None
    return text.encode("utf-8", "surrogatepass")


def _stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(max(0, nanoseconds), 10**9)
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}+00:00"


def _nanoseconds(text: str) -> int:
    at = read_time(text)
    at = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    epoch = datetime.fromtimestamp(0, timezone.utc)
    return max(0, (at - epoch).days * 86_400 * 10**9 + (at - epoch).seconds * 10**9 + (at - epoch).microseconds * 1000)
