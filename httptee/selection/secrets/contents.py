"""Where the secrets stand in the body of a message: JSON and forms of both kinds. Pure, without content codings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

import orjson

from httptee.selection.secrets.documents import Place, in_json, opens
from httptee.selection.secrets.names import Names
from httptee.selection.secrets.parameters import in_form, moved

_BOUNDARY = re.compile(r"--[^\r\n]+")
_BLANK = re.compile(r"\r?\n\r?\n")
_PART_NAME = re.compile(r'[;\s]name\s*=\s*(?:"([^"\r\n]{1,200})"|([^"\s;]{1,200}))', re.IGNORECASE)
_PART_HEAD = 4096  # bytes at the beginning of a part in which its name is looked for


def examined(kind: str) -> bool:
    """Whether a body of this type, in lower case, is looked into whatever it begins with."""
    return "json" in kind or "form" in kind or "multipart" in kind


def in_content(kind: str, text: str, names: Names) -> Iterator[Place]:
    """The secrets in a body of this type, in lower case. It has one character for each byte."""
    if "urlencoded" in kind and not (opens(text) and _parses(text)):
        return chain(in_form(text, names), in_json(text, names.name)) if opens(text) else in_form(text, names)
    if not names.may_be_in(text):
        return iter(())
    if "multipart" in kind:
        return _in_parts(text, names)
    return in_json(text, names.name)


def _in_parts(text: str, names: Names) -> Iterator[Place]:
    boundary = _BOUNDARY.match(text)
    delimiter = r"\r?\n" + (re.escape(boundary[0].rstrip()) if boundary else "--")
    at = 0
    for end in (*(found.start() for found in re.finditer(delimiter, text)), len(text)):
        yield from moved(_in_part(text[at:end], names), at)
        at = end


def _in_part(part: str, names: Names) -> Iterator[Place]:
    """The secrets in a part of a multipart form, from the line before its head on."""
    blank = _BLANK.search(part)
    if blank is None or blank.end() >= len(part):
        return iter(())
    head, start = part[: min(blank.start(), _PART_HEAD)], blank.end()
    name = _PART_NAME.search(head)
    if name is not None and names.name(name[1] or name[2]):
        return iter([(start, len(part), False)])
    content = part[start:]
    if "urlencoded" in head.lower():
        return moved(in_form(content, names), start)
    return moved(in_json(content, names.name), start) if opens(content) or "json" in head.lower() else iter(())


def _parses(text: str) -> bool:
    try:
        orjson.loads(text.encode("latin-1"))
    except ValueError:
        return False
    return True
