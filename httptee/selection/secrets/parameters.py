"""Where the secrets stand in URLs and in forms: parameters of queries, of fragments and of paths, and passwords.

A value of a parameter may be a URL or JSON itself. Pure. Texts have one character for each byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from httptee.selection.secrets.documents import Place, in_json, opens
from httptee.selection.secrets.names import Names

_DEPTH = 2  # of values within values
_PIECE = re.compile("[^&;]+")
_OF_PATH = re.compile(r";([^/;=]+)=([^/;]+)")
_USERINFO = re.compile(r"[a-zA-Z]://([^/?#\s]+)@")
_WORD = re.compile(r'[^\s<>"]+')
_INNER = re.compile(r"[?#]|%3f|%23|://|%3a%2f%2f|^[\s+]*(?:[{\[]|%7b|%5b)", re.IGNORECASE)
_CHARACTER = re.compile("%[0-9a-fA-F]{2}|.", re.DOTALL)
_CODE = 16  # characters; a shorter `code` is none of OAuth


def in_form(text: str, names: Names, depth: int = _DEPTH) -> Iterator[Place]:
    """The secrets in a query, or in a form as `application/x-www-form-urlencoded`."""
    pieces = [found.span() for found in _PIECE.finditer(text)]
    written = [text[start:end].partition("=") for start, end in pieces]
    known = [unquote_plus(name) for name, _, _ in written]
    influx = "u" in known and "p" in known  # the user name and password of InfluxDB 1
    secret = False
    for (start, end), (name, equals, value), read in zip(pieces, written, known, strict=True):
        if equals:
            code = read == "code" and len(value) >= _CODE
            secret = names.name(read, query=True) or code or (influx and read == "p")
            start += len(name) + 1
        else:  # behind a semicolon, it may still be the value before
            secret = secret and text[start - 1] == ";"
        if secret and start < end:
            yield start, end, False
        elif not secret:
            yield from _within(text, start, end, names, depth)


def in_url(text: str, names: Names, depth: int = _DEPTH) -> Iterator[Place]:
    """The secrets in a request target or a URL."""
    path, mark, fragment = text.partition("#")
    path, question, query = path.partition("?")
    for user in _USERINFO.finditer(path):
        name, colon, _ = user[1].partition(":")
        start = user.start(1) + (len(name) + 1 if colon else 0)
        if start < user.end(1):
            yield start, user.end(1), False
    for found in _OF_PATH.finditer(path):
        if names.name(unquote_plus(found[1]), query=True):
            yield *found.span(2), False
    if question:
        yield from moved(in_form(query, names, depth), len(path) + 1)
    if mark:
        # A page of one URL has its own path in the fragment, and a query behind that.
        before = fragment.find("?") + 1
        yield from moved(in_form(fragment[before:], names, depth), len(text) - len(fragment) + before)


def in_words(text: str, names: Names) -> Iterator[Place]:
    """The secrets in the URLs of a text, such as the value of a header field."""
    for word in _WORD.finditer(text):
        if "=" in word[0] or "@" in word[0]:
            yield from moved(in_url(word[0], names), word.start())


def moved(places: Iterator[Place], by: int) -> Iterator[Place]:
    """The same places in a text that has `by` characters more at its beginning."""
    return ((start + by, end + by, number) for start, end, number in places)


def _within(text: str, start: int, end: int, names: Names, depth: int) -> Iterator[Place]:
    """The secrets in a value that may be a URL or JSON, each at its place in the text as it is written."""
    value = text[start:end]
    if not depth or not _INNER.search(value):
        return
    read = unquote_plus(value, encoding="latin-1")
    found = list(in_json(read, names.name) if opens(read) else in_url(read, names, depth - 1))
    if found:
        places = [one.start() for one in _CHARACTER.finditer(value)] + [len(value)]
        for first, last, number in found:
            yield start + places[first], start + places[last], number
