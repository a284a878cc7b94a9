"""Replaces the credentials of one pair by placeholders, before anything of it is stored or shown.

Equal credentials of a pair get equal placeholders, `***1`, `***2`, so that a reader sees whether A and B answered with
the same one. A credential is found by the name that it stands under, and by its form. Once it is known, it is replaced
wherever else it occurs in the pair: a server may well repeat a token in its answer.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from urllib.parse import quote, unquote_plus

from httptee.selection import is_secret, may_name_secrets

_LITERAL = re.compile(r"\*\*\*(\d{1,9})")
_SHORTEST = 6  # a shorter credential is replaced only under its name: its text may stand for something else elsewhere
_MOST_SWEPT = 200
_NAME = re.compile(
    r"""(?<![\w.-])([\w.-]{1,64})(\\?["'])?\s?[=:]\s?(?:(?:Bearer|Basic|Token)\s+)?""",
    re.IGNORECASE,
)
_VALUE = re.compile(
    r"""(?P<open>\\?")(?P<double>[^"\\<>]*)|'(?P<single>[^'<>]*)|(?P<bare>[^\s"'&;,<>{}\[\]()\\]+)""",
)
_SCHEME = re.compile(r"\b([Bb]earer|[Bb]asic)(\s+)([A-Za-z0-9._~+/=-]{8,})")
_WITH_SCHEME = re.compile(r"(?:Bearer|Basic|Token) +(?=[^ ])", re.IGNORECASE)
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
_USERINFO = re.compile(r"""(://[^/\s:@"'<>]{0,256}:)([^/\s@"'<>]{1,256})(?=@)""")


class Masks:
    """The credentials of one pair. All text is latin-1, one character for each byte.

    `texts` are all parts of the pair before masking: a number that stands there as `***3` gets no placeholder.
    `names` says under which name each placeholder's credential was found first.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self.names: dict[str, str] = {}
        self._known: dict[str, str] = {}
        self._taken = {int(number) for text in texts for number in _LITERAL.findall(text)}
        self._forms: list[tuple[str, str]] | None = None

    def secret(self, value: str, name: str) -> str:
        """The placeholder for a credential. An empty one stays empty, and a placeholder stays as it is."""
        if not value or value in self.names:
            return value
        scheme = _WITH_SCHEME.match(value)
        if scheme:  # so that a token is the same credential with and without it
            return scheme[0] + self.secret(value[scheme.end() :], name)
        if value not in self._known:
            number = len(self.names) + 1
            while number in self._taken:
                number += 1
            self._taken.add(number)
            self._known[value] = f"***{number}"
            self.names[f"***{number}"] = name
            self._forms = None
        return self._known[value]

    def header(self, name: str, value: str) -> str:
        """The value of a header field."""
        lower = name.lower()
        if lower in ("authorization", "proxy-authorization"):
            return self._authorization(name, value)
        if lower == "cookie":
            return ";".join(self._cookie(part) for part in value.split(";"))
        if lower == "set-cookie":
            first, semicolon, attributes = value.partition(";")
            return self._cookie(first) + semicolon + attributes
        return self.secret(value, name) if is_secret(name) else self.text(value)

    def target(self, target: str) -> str:
        """A request target, or a URL: its query and its user name and password."""
        path, mark, query = target.partition("?")
        return self.text(path) + mark + self.form(query)

    def form(self, text: str) -> str:
        """A query, or a form as `application/x-www-form-urlencoded`."""
        pieces = re.split("([&;])", text)
        names = [unquote_plus(piece.partition("=")[0]) for piece in pieces]
        influx = "u" in names and "p" in names  # the user name and password of InfluxDB 1
        for index, name in enumerate(names):
            written, equals, value = pieces[index].partition("=")
            code = name == "code" and len(value) >= 16  # of OAuth
            if equals and (is_secret(name, query=True) or code or (influx and name == "p")):
                pieces[index] = f"{written}={self.secret(value, name)}"
        return self.text("".join(pieces))

    def text(self, text: str) -> str:
        """Any other text: what stands after a secret name, and what has the form of a credential."""
        text = (
            _USERINFO.sub(lambda found: found[1] + self.secret(found[2], "password"), text) if "://" in text else text
        )
        text = _JWT.sub(lambda found: self.secret(found[0], "token"), text) if "eyJ" in text else text
        if "earer" in text or "asic" in text:
            text = _SCHEME.sub(self._after_scheme, text)
        return self._assigned(text) if may_name_secrets(text) else text

    def at(self, part: str, path: str, text: str) -> str:
        """The value at a place of an answer, as `compare.Key` names it."""
        name = last_name(path)
        if part == "body":
            return self.secret(text, name) if is_secret(name) else self.text(text)
        field, colon, cookie = path.partition(":")
        if part != "header" or ";" in cookie:  # an attribute: `set-cookie:sid;path`
            return self.text(text)
        return self.secret(text, cookie) if colon else self.header(field, text)

    def sweep(self, text: str) -> str:
        """The text with every credential replaced that is known by now, wherever it stands."""
        if self._forms is None:
            known = sorted((secret for secret in self._known if len(secret) >= _SHORTEST), key=len, reverse=True)
            self._forms = [(form, self._known[secret]) for secret in known[:_MOST_SWEPT] for form in _forms(secret)]
        for form, placeholder in self._forms:
            if form in text:
                text = text.replace(form, placeholder)
        return text

    def _authorization(self, name: str, value: str) -> str:
        scheme, space, rest = value.partition(" ")
        if not rest:
            return self.secret(value, name)
        masked = scheme + space + self.secret(rest, name)
        if scheme.lower() == "basic":
            try:
                password = b64decode(rest, validate=True).decode("latin-1").partition(":")[2]
            except (binascii.Error, ValueError):
                password = ""
            self.secret(password, "password")
        return masked

    def _cookie(self, part: str) -> str:
        name, equals, value = part.partition("=")
        return name + equals + self.secret(value, name.strip()) if equals else self.secret(part, "cookie")

    def _after_scheme(self, found: re.Match[str]) -> str:
        return found[1] + found[2] + self.secret(found[3], "authorization")

    def _assigned(self, text: str) -> str:
        """The text with each value replaced that stands after a secret name and `=` or `:`.

        After a name in quotes, as in JSON, a value without them is a number, `true`, `false` or `null`.
        """
        pieces, done, at = [], 0, 0
        while (name := _NAME.search(text, at)) is not None:
            at = name.end()
            value = _VALUE.match(text, at) if is_secret(name[1]) else None
            if value is not None and value.lastgroup and not (name[2] and value.lastgroup == "bare"):
                start, at = value.span(value.lastgroup)
                pieces += [text[done:start], self.secret(text[start:at], name[1])]
                done = at
        return "".join([*pieces, text[done:]])


def last_name(path: str) -> str:
    """The name that a path ends with: `token` of `$.user.token[]`."""
    return re.split(r"[.\[\]]", path.rstrip("[]0123456789"))[-1] if path else ""


def _forms(secret: str) -> set[str]:
    """The ways in which a text may hold a credential: as it is, escaped for a URL, and read from a URL."""
    if secret.isalnum():
        return {secret}
    forms = {secret, quote(secret, safe="", encoding="latin-1"), unquote_plus(secret, encoding="latin-1")}
    return {form for form in forms if len(form) >= _SHORTEST}
