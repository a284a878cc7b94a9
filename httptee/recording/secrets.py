"""Replaces the secrets of an exchange before anything of it is written.

A secret becomes the first characters of its HMAC, in hexadecimal: as many as it has itself. So equal secrets stay equal
within a recording, lengths stay right, and without the key, which is never written, nothing leads back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import unquote_plus

import orjson

from httptee.compare import Undecodable, decoded
from httptee.http import Headers, without
from httptee.selection import is_secret, may_name_secrets

KEY_SIZE = 32

_PLAIN, _CONTENT, _WHOLE, _AUTHORIZATION, _COOKIES, _SET_COOKIE, _URL = (0, 1, 2, 4, 8, 16, 32)
_SECRET = ~_CONTENT
_KINDS = {
    "authorization": _AUTHORIZATION,
    "proxy-authorization": _AUTHORIZATION,
    "cookie": _COOKIES,
    "set-cookie": _SET_COOKIE,
    "referer": _URL,
    "location": _URL,
    "content-location": _URL,
    "content-type": _CONTENT,
    "content-encoding": _CONTENT,
}
_MOST_NAMES = 1000  # that are remembered
OPENS = b"{[ \t\r\n"
"""What JSON may begin with."""

_STRING = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_MEMBER = re.compile(
    rb'"([^"\\]{1,64}(?:\\.[^"\\]{0,64}){0,8})"(\s*:\s*)(?:('
    + _STRING
    + rb")|(-?\d[\d.eE+-]*)|([\[{][^\[\]{}]*[\]}]))",
    re.DOTALL,
)
_VALUE = re.compile(rb"(" + _STRING + rb")(\s*:)?", re.DOTALL)
_PART_NAME = re.compile(rb'\bname="([^"\r\n]{1,64})"', re.IGNORECASE)
_PART_HEAD = 4096  # bytes at the beginning of a part in which its name is looked for

Fields = Sequence[tuple[str, str]]


class Secrets:
    """Replaces secrets, with one key for a whole recording. `names` are further names of header fields, parameters,
    and keys of JSON and of forms whose values are secrets. Used by one thread."""

    def __init__(self, key: bytes, names: Iterable[str] = ()) -> None:
        self._key = key
        self._names = frozenset(name.lower() for name in names)
        self._sought = tuple(self._names)
        self._kinds: dict[str, int] = {}
        self.replaced = lru_cache(maxsize=4096)(self._replaced)
        """The text that stands for a secret."""
        self.target = lru_cache(maxsize=2048)(self._target)
        """A request target, or a URL, with the secrets in its query replaced."""

    def message(self, fields: Fields, body: bytes, length: int, digest: str) -> tuple[Fields, bytes, int, str]:
        """The fields and the body of a message, with the length of the whole body and its digest if it was cut, with
        all secrets replaced."""
        kinds, found = self._kinds, 0
        try:
            for name, _ in fields:
                found |= kinds[name]
        except KeyError:
            for name, _ in fields:
                found |= self._kind(name)
        if body and (found & _CONTENT or body[:1] in OPENS):
            fields, data = self.body(fields, body)
            if data is None:
                body, digest = b"", hashlib.sha256(body).hexdigest()
            elif data is not body:
                body, length = data, len(data)
        if found & _SECRET:
            fields = [(name, self._value(self._kind(name), value)) for name, value in fields]
        return fields, body, length, digest

    def fields(self, fields: Fields) -> Fields:
        """Header fields with their secrets replaced."""
        return self.message(fields, b"", 0, "")[0]

    def _target(self, target: str) -> str:
        path, mark, query = target.partition("?")
        return f"{path}?{self.form(query)}" if mark else target

    def form(self, text: str) -> str:
        """A query, or a form as `application/x-www-form-urlencoded`, with its secrets replaced."""
        if "=" not in text:
            return text
        pieces = re.split("([&;])", text)
        names = [unquote_plus(piece.partition("=")[0]) for piece in pieces]
        influx = "u" in names and "p" in names  # the user name and password of InfluxDB 1
        for at, name in enumerate(names):
            written, equals, value = pieces[at].partition("=")
            code = name == "code" and len(value) >= 16  # of OAuth
            if equals and (self._named(name, query=True) or code or (influx and name == "p")):
                pieces[at] = f"{written}={self.replaced(value)}"
        return "".join(pieces)

    def content_of(self, fields: Fields) -> tuple[str, str]:
        """The type of the body behind these header fields, in lower case, and its content coding."""
        kind = coding = ""
        for name, value in fields:
            if self._kind(name) == _CONTENT:
                if len(name) == 12:
                    kind = value.lower()
                else:
                    coding = value
        return kind, coding

    def body(self, fields: Fields, body: bytes) -> tuple[Fields, bytes | None]:
        """The header fields and the body of a message, with the secrets in JSON and in forms replaced.

        A compressed body that holds a secret is kept without its compression. One that cannot be looked into is not
        kept: None.
        """
        kind, coding = self.content_of(fields)
        if not ("json" in kind or "form" in kind or (not coding and body[:100].lstrip()[:1] in (b"{", b"["))):
            return fields, body
        try:
            text = decoded(body, coding) if coding else body
        except Undecodable:
            return fields, None
        replaced = self.content(kind, text)
        if replaced == text:
            return fields, body
        if not coding:
            return fields, replaced
        plain: Headers = without(list(fields), frozenset(("content-encoding", "content-length")))
        return [*plain, ("Content-Length", str(len(replaced)))], replaced

    def content(self, kind: str, body: bytes) -> bytes:
        """A body of JSON or a form without compression, with its secrets replaced. `kind` is its type."""
        if "urlencoded" in kind and body[:100].lstrip()[:1] not in (b"{", b"["):
            return self.form(body.decode("latin-1")).encode("latin-1")
        lower = body.decode("latin-1").lower()
        if not may_name_secrets(lower) and not any(name in lower for name in self._sought):
            return body
        if "multipart" in kind:
            return b"\r\n--".join(map(self._part, body.split(b"\r\n--")))
        return _MEMBER.sub(self._member, body)

    def _member(self, found: re.Match[bytes]) -> bytes:
        """A member of a JSON object."""
        name = found[1]
        if b"\\" in name:
            try:
                name = str(orjson.loads(b'"%b"' % name)).encode()
            except ValueError:
                return found[0]
        text = name.decode("utf-8", "replace")
        if not self._named(text):
            inside = found[5]
            return found[0] if inside is None else found[0][: -len(inside)] + _MEMBER.sub(self._member, inside)
        if found[3] is not None:
            value = self._string(found[3])
        elif found[4] is not None:
            value = self._number(found[4])
        else:
            value = _VALUE.sub(lambda one: one[0] if one[2] else self._string(one[1]), found[5])
        return b'"%b"%b%b' % (found[1], found[2], value)

    def _part(self, part: bytes) -> bytes:
        """A part of a multipart form."""
        start = part.find(b"\r\n\r\n") + 4
        name = _PART_NAME.search(part, 0, min(start, _PART_HEAD)) if start > 3 else None
        if name is None or not self._named(name[1].decode("latin-1")):
            return part
        return part[:start] + self.replaced(part[start:].decode("latin-1")).encode()

    def _string(self, quoted: bytes) -> bytes:
        return b'"%b"' % self.replaced(quoted[1:-1].decode("latin-1")).encode()

    def _number(self, number: bytes) -> bytes:
        """Another number with as many characters."""
        digits = str(int(self.replaced(number.decode()).encode().hex() or "0", 16))
        return (digits.lstrip("0") + "1" * len(number))[: len(number)].encode()

    def _named(self, name: str, query: bool = False) -> bool:
        return name.lower() in self._names or is_secret(name, query)

    def _kind(self, name: str) -> int:
        kind = self._kinds.get(name)
        if kind is None:
            kind = _WHOLE if name.lower() in self._names else _KINDS.get(name.lower(), -1)
            kind = kind if kind >= 0 else _WHOLE if self._named(name) else _PLAIN
            if len(self._kinds) < _MOST_NAMES:
                self._kinds[name] = kind
        return kind

    def _value(self, kind: int, value: str) -> str:
        """The value of a header field of this kind."""
        if kind in (_PLAIN, _CONTENT):
            return value
        if kind == _AUTHORIZATION:
            scheme, space, rest = value.partition(" ")
            return f"{scheme} {self.replaced(rest)}" if space else self.replaced(value)
        if kind == _COOKIES:
            return ";".join(self._cookie(part) for part in value.split(";"))
        if kind == _SET_COOKIE:
            first, semicolon, attributes = value.partition(";")
            return self._cookie(first) + semicolon + attributes
        return self.target(value) if kind == _URL else self.replaced(value)

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return name + equals + self.replaced(value) if equals else self.replaced(part)

    def _replaced(self, secret: str) -> str:
        digest = hmac.digest(self._key, secret.encode("latin-1", "replace"), "sha256").hex()
        return (digest * (len(secret) // len(digest) + 1))[: len(secret)]
