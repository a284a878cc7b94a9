"""Where the secrets stand in JSON: whole, in lines, or broken off. Pure, in time in proportion to the length."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator

import orjson

Place = tuple[int, int, bool]
"""Where a secret begins and ends in a text, and whether it is a number of JSON. A secret has one character or more."""

_OPENS = re.compile(r"(?:\xef\xbb\xbf)?\s*[{\[]")
# A string, up to the end of a text that is cut in it. If it is the name of a member, with the colon.
_STRING = r'"([^"\\]*(?:\\.[^"\\]*)*)(?:"(\s*:)?|\\?\Z)'
_NAME = re.compile(r'"(?=([^"\\]{0,200}(?:\\.[^"\\]{0,200}){0,40})"\s*:)', re.DOTALL)
_TOKEN = re.compile(_STRING + r'|([\[{])|([\]}])|([^\s\[\]{},:"]+)|,', re.DOTALL)
_ANY_STRING = re.compile(_STRING, re.DOTALL)
_NUMBER = re.compile(r"-?\d[\d.eE+-]*")
_LITERALS = frozenset(("true", "false", "null"))


def opens(text: str) -> bool:
    """Whether a text begins like JSON with names in it."""
    return _OPENS.match(text) is not None


def in_json(text: str, named: Callable[[str], bool]) -> Iterator[Place]:
    """The secrets: all strings and numbers under a name for which `named` is true, however deep they are.

    Names below such a name stay, and so do `true`, `false` and `null`.
    """
    secret = {name for name in set(_NAME.findall(text)) if named(_read(name))}
    at = 0
    while secret and (found := _ANY_STRING.search(text, at)) is not None:
        at = found.end()
        if found[2] is not None and found[1] in secret:
            at = yield from _under(text, at)


def replaced_at(places: Iterable[Place], text: str, by: Callable[[str, bool], str]) -> str:
    """A text with each secret replaced by what `by` makes of it and of whether it is a number: the same object if there
    is none. Places may overlap."""
    pieces, done = [], 0
    for start, end, number in sorted(places):
        if end > done:
            pieces += [text[done:start], by(text[max(start, done) : end], number)]
            done = end
    return "".join([*pieces, text[done:]]) if pieces else text


def _under(text: str, at: int) -> Generator[Place, None, int]:
    """The secrets in the value that begins here. Returns where it ends."""
    depth = 0
    while (token := _TOKEN.search(text, at)) is not None:
        string, colon, opening, closing, word = token.groups()
        if closing and not depth:
            return token.start()
        at = token.end()
        if string and not colon:
            yield *token.span(1), False
        elif word and word not in _LITERALS:
            yield *token.span(), _NUMBER.fullmatch(word) is not None
        depth += bool(opening) - bool(closing)
        if not depth and not colon:
            return at
    return len(text)


def _read(name: str) -> str:
    """The name as a reader of JSON has it, from its form with one character for each byte."""
    written = name.encode("latin-1")
    if "\\" in name:
        try:
            return str(orjson.loads(b'"%b"' % written))
        except ValueError:
            pass
    return written.decode("utf-8", "replace")
