"""The credentials in a body: keys of JSON, fields of forms, elements and attributes of XML and HTML, and other text.

Everything outside of a credential stays byte for byte. All of it takes time in proportion to the length of the body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from httptee.selection import is_secret, may_name_secrets
from httptee.verdict.evidence.masks import Masks

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_ELEMENT = re.compile(r"<(?:[\w.-]{1,64}:)?([\w.-]{1,64})(?:\s[^<>]*)?>([^<]+)(?=<)")
_FIELD_TAG = re.compile(r"<(?:input|meta)\s[^<>]*>", re.IGNORECASE)
_FIELD_NAME = re.compile(r"""\sname\s?=\s?["']?([^"'\s<>]{1,64})""", re.IGNORECASE)
_FIELD_VALUE = re.compile(r"""(\s(?:value|content)\s?=\s?)(?:"([^"<>]*)"|'([^'<>]*)'|([^"'\s<>]+))""", re.IGNORECASE)
_PART_NAME = re.compile(r"""[;\s]name\s?=\s?"?([^"\r\n;]{1,64})""", re.IGNORECASE)
_LITERALS = frozenset(("true", "false", "null"))


def masked_body(masks: Masks, body: bytes, kind: str) -> bytes:
    """A body without content coding, of the media type `kind`."""
    text = body.decode("latin-1")
    kind = kind.lower()
    if "x-www-form-urlencoded" in kind:
        return masks.form(text).encode("latin-1")
    if not may_name_secrets(text) and "\\u00" not in text:
        return masks.text(text).encode("latin-1")
    if kind.startswith("multipart/"):
        text = _multipart(masks, text)
    elif "json" in kind or text.lstrip()[:1] in ("{", "["):
        text = _json(masks, text)
    elif "<" in text:
        text = _markup(masks, text)
    return masks.text(text).encode("latin-1")


def _json(masks: Masks, text: str) -> str:
    """JSON, or lines of it, whole or broken off. Strings and numbers under a secret key are replaced, however deep."""
    pieces, done = [], 0
    for start, end, name in _json_secrets(text):
        written = text[start:end]
        value = _unquoted(written) if written.startswith('"') else written
        pieces += [text[done:start], f'"{masks.secret(value, name)}"' if value else written]
        done = end
    return "".join([*pieces, text[done:]])


def _json_secrets(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and name of each credential."""
    depth = inside = 0  # `inside`: the depth at which the container of credentials was opened, or 0
    name = inner = ""
    last: re.Match[str] | None = None  # a string or a number: the next token says whether it is a key or a value
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if last is not None and first != ":" and _is_credential(last[0], name or (inner if inside else "")):
            yield last.start(), last.end(), name or inner
        if first == ":":
            key = _unquoted(last[0]) if last is not None else ""
            name = key if is_secret(key) else ""
        elif first in "{[":
            depth += 1
            if name and not inside:
                inside, inner = depth, name
            name = ""
        elif first in "}],":
            name = ""
            if first != ",":
                depth -= 1
                inside = inside if depth >= inside else 0
        last = None if first in "{}[],:" else token
    if last is not None and _is_credential(last[0], name or (inner if inside else "")):
        yield last.start(), last.end(), name or inner


def _is_credential(token: str, name: str) -> bool:
    """Whether a value under this name is one. A number under a plural is a count: `"max_tokens": 100`."""
    if not name or token in _LITERALS:
        return False
    return token.startswith('"') or not name.endswith("s") or name.endswith("ss")


def _unquoted(token: str) -> str:
    """The text of a string of JSON, one character for each byte of UTF-8, whichever way it is escaped."""
    inner = token[1:-1] if len(token) > 1 and token.endswith('"') else token.lstrip('"')
    if "\\" not in inner:
        return inner
    try:
        read = json.loads(f'"{inner}"', strict=False)
        # A character that was not escaped is a byte already.
        return "".join(c if ord(c) < 256 else c.encode("utf-8", "surrogatepass").decode("latin-1") for c in read)
    except ValueError:
        return inner


def _markup(masks: Masks, text: str) -> str:
    text = _FIELD_TAG.sub(lambda tag: _field_tag(masks, tag[0]), text)
    return _ELEMENT.sub(lambda found: _element(masks, found), text)


def _element(masks: Masks, found: re.Match[str]) -> str:
    if not is_secret(found[1]) or not found[2].strip():
        return found[0]
    start = found.start(2) - found.start()
    return found[0][:start] + masks.secret(found[2], found[1])


def _field_tag(masks: Masks, tag: str) -> str:
    """`<input name="csrf_token" value="…">`."""
    name = _FIELD_NAME.search(tag)
    if name is None or not is_secret(name[1]):
        return tag
    return _FIELD_VALUE.sub(lambda found: _attribute(masks, found, name[1]), tag)


def _attribute(masks: Masks, found: re.Match[str], name: str) -> str:
    value = found[2] or found[3] or found[4] or ""
    return f'{found[1]}"{masks.secret(value, name)}"'


def _multipart(masks: Masks, text: str) -> str:
    """Each part of a form with files. A boundary stands at the start of a line after two dashes (RFC 2046 §5.1.1)."""
    parts = text.split("\r\n--")
    for index, part in enumerate(parts):
        head, blank, content = part.partition("\r\n\r\n")
        name = _PART_NAME.search(head)
        if blank and name is not None and is_secret(name[1], query=True):
            parts[index] = head + blank + masks.secret(content, name[1])
    return "\r\n--".join(parts)
