"""Replaces the secrets of an exchange before anything of it is written.

A secret becomes the first characters of its HMAC, in hexadecimal: as many as it has itself. So equal secrets stay equal
within a recording, lengths stay right, and without the key, which is never written, nothing leads back. Everything else
stays byte for byte.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

from httptee.compare import Undecodable, decoded
from httptee.http import Headers, without
from httptee.quick import OPENS
from httptee.selection.secrets import Names, Place, examined, in_content, in_url, in_words, opens, replaced_at

KEY_SIZE = 32

_PLAIN, _TYPE, _CODING, _WHOLE, _AUTHORIZATION, _COOKIES, _SET_COOKIE, _URL = (0, 1, 2, 4, 8, 16, 32, 64)
_CONTENT = _TYPE | _CODING
_KINDS = {
    "authorization": _AUTHORIZATION,
    "proxy-authorization": _AUTHORIZATION,
    "cookie": _COOKIES,
    "set-cookie": _SET_COOKIE,
    "referer": _URL,
    "location": _URL,
    "content-location": _URL,
    "x-forwarded-uri": _URL,
    "x-original-uri": _URL,
    "x-original-url": _URL,
    "x-rewrite-url": _URL,
    "content-type": _TYPE,
    "content-encoding": _CODING,
}
# The registry of IANA, and what is common beside it. Any other first word may be the secret itself.
_SCHEMES = frozenset(
    re.findall(
        r"[\w-]+",
        """apikey aws aws4-hmac-sha256 basic bearer concealed digest dpop gnap hawk hoba jwt mac mutual negotiate ntlm
        oauth privatetoken scram-sha-1 scram-sha-256 sharedkey sharedkeylite signature token vapid""",
    )
)
_MOST_NAMES = 1000  # that are remembered
_SHORT, _MOST_SECRETS, _MOST_TARGETS = 1024, 4096, 2048  # characters; longer texts are not remembered
_BEGINNING = 4096  # bytes that tell whether a body without a type is JSON

Fields = Sequence[tuple[str, str]]


class Secrets:
    """Replaces secrets, with one key for a whole recording. `names` are further names of header fields, parameters,
    and keys of JSON and of forms whose values are secrets. Used by one thread."""

    def __init__(self, key: bytes, names: Iterable[str] = ()) -> None:
        self._key = key
        self._names = Names(names)
        self._kinds: dict[str, int] = {}
        self._known_secret = lru_cache(_MOST_SECRETS)(self._replaced)
        self._known_target = lru_cache(_MOST_TARGETS)(self._target)

    def replaced(self, secret: str) -> str:
        """The text that stands for a secret."""
        return self._known_secret(secret) if len(secret) <= _SHORT else self._replaced(secret)

    def target(self, target: str) -> str:
        """A request target, or a URL, with its secrets replaced."""
        return self._known_target(target) if len(target) <= _SHORT else self._target(target)

    def message(self, fields: Fields, body: bytes, length: int, digest: str) -> tuple[Fields, bytes, int, str]:
        """The fields and the body of a message, with the length of the whole body and its digest if it was cut, with
        all secrets replaced."""
        if body:
            fields, data = self.body(fields, body)
            if data is None:
                body, digest = b"", hashlib.sha256(body).hexdigest()
            elif data is not body:
                body, length = data, len(data)
        return self.fields(fields), body, length, digest

    def fields(self, fields: Fields) -> Fields:
        """Header fields with their secrets replaced: the same object if they have none."""
        values = [self._value(self._kind(name), value) for name, value in fields]
        if all(value == old for value, (_, old) in zip(values, fields, strict=True)):
            return fields
        return [(name, value) for value, (name, _) in zip(values, fields, strict=True)]

    def content_of(self, fields: Fields) -> tuple[str, str]:
        """The type of the body behind these header fields, in lower case, and its content codings."""
        found = [(kind, value) for name, value in fields if (kind := self._kind(name)) & _CONTENT]
        kinds, codings = (",".join(value for kind, value in found if kind == wanted) for wanted in (_TYPE, _CODING))
        return kinds.lower(), codings

    def body(self, fields: Fields, body: bytes) -> tuple[Fields, bytes | None]:
        """The header fields and the body of a message, with the secrets in JSON and in forms replaced.

        A compressed body that holds a secret is kept without its compression. One that has to be looked into and cannot
        be is not kept: None.
        """
        kind, coding = self.content_of(fields)
        if not self.looked_into(kind, coding, body):
            return fields, body
        try:
            text = decoded(body, coding) if coding else body
        except Undecodable:
            return fields, None
        replaced = self.content(kind, text)
        if replaced is text:
            return fields, body
        if not coding:
            return fields, replaced
        plain: Headers = without(list(fields), frozenset(("content-encoding", "content-length")))
        return [*plain, ("Content-Length", str(len(replaced)))], replaced

    def looked_into(self, kind: str, coding: str, body: bytes) -> bool:
        """Whether a body may hold secrets that can be found: by its type, or by its beginning."""
        if examined(kind):
            return True
        return bool(coding or (body and body[0] in OPENS)) and opens(_beginning(body, coding).decode("latin-1"))

    def content(self, kind: str, body: bytes) -> bytes:
        """A body of JSON or a form without compression, with its secrets replaced: the same object if it has none.
        `kind` is its type."""
        text = body.decode("latin-1")
        replaced = self._without(text, in_content(kind, text, self._names))
        return body if replaced is text else replaced.encode("latin-1")

    def _without(self, text: str, places: Iterable[Place]) -> str:
        """A text in which the secrets at these places are replaced."""
        return replaced_at(places, text, lambda secret, number: (self._number if number else self.replaced)(secret))

    def _number(self, number: str) -> str:
        """Another number with as many characters."""
        digits = str(int(self.replaced(number).encode().hex(), 16))
        return (digits.lstrip("0") + "1" * len(number))[: len(number)]

    def _kind(self, name: str) -> int:
        kind = self._kinds.get(name)
        if kind is None:
            kind = _WHOLE if self._names.field(name) else _KINDS.get(name.lower(), -1)
            kind = kind if kind >= 0 else _WHOLE if self._names.name(name) else _PLAIN
            if len(self._kinds) < _MOST_NAMES:
                self._kinds[name] = kind
        return kind

    def _value(self, kind: int, value: str) -> str:
        """The value of a header field of this kind."""
        if kind in (_PLAIN, _TYPE, _CODING):
            return self._without(value, in_words(value, self._names)) if "=" in value or "@" in value else value
        if kind == _AUTHORIZATION:
            scheme, space, rest = value.partition(" ")
            known = space and scheme.lower() in _SCHEMES
            return f"{scheme} {self.replaced(rest)}" if known else self.replaced(value)
        if kind == _COOKIES:
            return ";".join(self._cookie(part) for part in value.split(";"))
        if kind == _SET_COOKIE:
            first, semicolon, attributes = value.partition(";")
            return self._cookie(first) + semicolon + attributes
        return self.target(value) if kind == _URL else self.replaced(value)

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return name + equals + self.replaced(value) if equals else self.replaced(part)

    def _target(self, target: str) -> str:
        return self._without(target, in_url(target, self._names))

    def _replaced(self, secret: str) -> str:
        digest = hmac.digest(self._key, secret.encode("latin-1", "replace"), "sha256").hex()
        return (digest * (len(secret) // len(digest) + 1))[: len(secret)]


def _beginning(body: bytes, coding: str) -> bytes:
    """The first bytes of a body without its codings. Empty if they cannot be known."""
    if not coding:
        return body[:_BEGINNING]
    if coding.strip().lower() in ("gzip", "x-gzip", "deflate"):  # to decode all of each image would take long
        with suppress(zlib.error):
            return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, _BEGINNING)
    try:
        return decoded(body, coding)[:_BEGINNING]
    except Undecodable:
        return b""
