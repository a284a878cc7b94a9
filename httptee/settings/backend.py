"""The line of one B: `http://canary:9001 name=canary percent=10 methods=GET,HEAD`.

The line is the same on the command line, in the environment and in the file: an endpoint, then fields, with spaces
between. Single or double quotes enclose a text that contains spaces or semicolons. A backslash has no special meaning.
Where one text may hold several lines, a semicolon or a line end separates them. Endpoints without fields need only a
space between them.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from httptee.http import Endpoint, is_bracketed_list
from httptee.settings.fields import FIELDS

_WORD = re.compile(r"""(?:[^\s,;"']|,+(?=[^\s,;])|"[^"]*"|'[^']*')+""")
_SEGMENT = re.compile(r"""(?:[^\n;"']|"[^"]*"|'[^']*')+""")
_STRAY_QUOTE = re.compile("[\"']")
_QUOTED = re.compile(r""""([^"]*)"|'([^']*)'""")
_FIELD = re.compile(r"([A-Za-z_.-]+)=(.*)", re.DOTALL)
_SECRET = re.compile(r"auth|cookie|token|secret|key|pass|session|credential", re.IGNORECASE)
_ALL = ", ".join(FIELDS)


@dataclass(frozen=True, slots=True)
class Backend:
    """An endpoint and its fields, in their order, as texts that their casts have accepted."""

    endpoint: Endpoint
    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Backend:
        """Read one line. Raises ValueError with one line that names the B, the field and the rule."""
        words = words_of(text)
        if not words:
            raise ValueError("an endpoint is missing: ''")
        endpoint = Endpoint.parse(_unquoted(words[0]))
        try:
            fields = line_fields(words[1:])
        except ValueError as error:
            raise ValueError(f"B {endpoint}: {error}") from None
        given = {name for name, _ in fields}
        if {"rewrite", "host"} <= given:
            raise ValueError(f"B {endpoint}: rewrite and host set the same thing; use host alone")
        return cls(endpoint, fields)

    def values(self, name: str) -> list[Any]:
        """The values of a field, after its cast: none, one, or several if the field is repeatable."""
        return [FIELDS[name].cast(text) for field, text in self.fields if field == name]

    def __str__(self) -> str:
        """The URL."""
        return str(self.endpoint)

    def described(self) -> str:
        """The fields for a log or a status page. Values that may be credentials are masked."""
        return " ".join(shown(name, text) for name, text in self.fields)


def split_backends(text: str) -> list[str]:
    """The lines of a text with several Bs: `x y`, `x, y`, `[x, y]`, `["x", "y"]`, `x percent=10; y percent=20`.

    A text with an open quote is returned whole, and `Backend.parse` refuses it.
    """
    text = text.strip()
    if _STRAY_QUOTE.search(_QUOTED.sub("", text)):
        return [text]
    if is_bracketed_list(text):
        text = text[1:-1]
    lines: list[str] = []
    for segment in _SEGMENT.findall(text):
        words = words_of(segment)
        if any(_is_field(_unquoted(word)) for word in words[1:]):
            lines.append(" ".join(words))
        else:
            for word in words:
                quoted = _QUOTED.fullmatch(word)
                lines += split_backends(_unquoted(word)) if quoted else [word]
    return lines


def line_fields(words: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The names and the texts of fields, after a check. Raises ValueError with the field and the rule."""
    fields: list[tuple[str, str]] = []
    for word in words:
        fields.append(_field(word, [name for name, _ in fields]))
    return tuple(fields)


def words_of(text: str) -> list[str]:
    """The words, with their quotes. A comma separates endpoints; within a field it is part of the field."""
    if _STRAY_QUOTE.search(_QUOTED.sub("", text)):
        raise ValueError("a quote is not closed")
    pieces: list[str] = []
    for word in _WORD.findall(text):
        pieces += [word] if _is_field(word) or _QUOTED.search(word) else filter(None, word.split(","))
    return pieces


def _unquoted(word: str) -> str:
    return _QUOTED.sub(lambda quoted: quoted[1] if quoted[1] is not None else quoted[2], word)


def _is_field(word: str) -> bool:
    return bool(_FIELD.fullmatch(word)) or (word in FIELDS and FIELDS[word].boolean)


def _field(word: str, given: list[str]) -> tuple[str, str]:
    """The name and the text of one field, after a check. Raises ValueError."""
    word = _unquoted(word)
    parts = _FIELD.fullmatch(word)
    name, text = (parts[1], parts[2]) if parts else (word, "true")
    field = FIELDS.get(name)
    if field is None:
        if not parts:
            # The message leaves the word out: it may be the rest of a credential without quotes.
            after = given[-1] if given else "the endpoint"
            raise ValueError(f"a word after {after} is not a field; put a value with spaces in quotes")
        close = difflib.get_close_matches(name.lower(), FIELDS, n=1)
        raise ValueError(f"unknown field {name!r}; {f'did you mean {close[0]}?' if close else f'known fields: {_ALL}'}")
    if not parts and not field.boolean:
        raise ValueError(f"{name}: needs a value")
    if name in given and not field.repeatable:
        raise ValueError(f"{name} is given twice")
    try:
        field.cast(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return name, text


def shown(name: str, text: str) -> str:
    """A field as it is shown: a value that may be a credential is masked."""
    if name in ("set-header", "add-header", "header"):
        header = re.split("[:=~]", text, maxsplit=1)
        if len(header) > 1 and _SECRET.search(header[0]):
            text = f"{text[: len(header[0]) + 1]}***"
    if not re.search(r"[\s;,\"']", text):
        return f"{name}={text}"
    quote = '"' if "'" in text else "'"
    return f"{name}={quote}{text}{quote}"
