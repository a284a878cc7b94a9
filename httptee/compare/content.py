"""Two decoded bodies compared, each read as what it is."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from httptee.compare import json_text, markup, media, paths
from httptee.compare.coding import Undecodable
from httptee.compare.difference import Found
from httptee.compare.walk import Walk

_MAX_LINES = 100_000
_MAX_FORM_FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class Content:
    """A body, what it is, and its value. `reason`: why it is not what its Content-Type says."""

    kind: str
    body: bytes
    value: Any = None
    exact: bool = False
    reason: str = ""


def read(body: bytes, content_type: str, exact: bool = False) -> Content:
    """What the body is and holds. Never raises. `exact`: numbers in JSON are not rounded to doubles."""
    kinds = media.guesses(content_type, body)
    reason = ""
    for kind in kinds:
        try:
            value, was_exact = _READERS[kind](body, content_type, exact)
        except Undecodable as error:
            reason = reason or str(error)
            continue
        return Content(kind, body, value, was_exact)
    if kinds[-1] == media.TEXT:
        return Content(media.BYTES, body)
    return Content(kinds[-1], body, reason=reason)


def compare_contents(a: bytes, b: bytes, types: tuple[str, str], found: Found) -> None:
    """Add the differences of two bodies with these values of Content-Type. White space and the order of members do not
    count."""
    exact = json_text.is_inexact(a) or json_text.is_inexact(b)
    first, second = read(a, types[0], exact), read(b, types[1], exact)
    if first.exact != second.exact and first.kind == second.kind:
        first, second = read(a, types[0], True), read(b, types[1], True)
    one_is_text = first.kind == second.kind == media.HTML and type(first.value) is not type(second.value)
    if one_is_text or (first.reason and second.reason):
        first, second = read(a, "text/x"), read(b, "text/x")
    if first.reason or second.reason:
        found.add("body", "", "undecodable", first.reason or first.kind, second.reason or second.kind)
    elif first.kind != second.kind:
        found.add("body", "", "type", first.kind, second.kind)
    else:
        _compare(first, second, found)


def compare_bytes(a: bytes, b: bytes, found: Found) -> None:
    """Add one difference of bytes that nothing is known of."""
    if len(a) != len(b):
        found.add("body", "", "length", len(a), len(b))
    elif a != b:
        at = bisect_left(range(1, len(a)), True, key=lambda end: a[:end] != b[:end])
        found.add("body", "", "value", a, b, f"byte {at}")


def _compare(a: Content, b: Content, found: Found) -> None:
    kind = a.kind
    if kind == media.BYTES:
        compare_bytes(a.body, b.body, found)
    elif kind == media.TEXT or (kind == media.HTML and type(a.value) is list):
        Walk(found, paths.JSON, json_text.dumps).compare(a.value, b.value, "lines")
    elif kind in (media.HTML, media.XML):
        Walk(found, paths.MARKUP, json_text.dumps).compare(a.value, b.value, "")
    else:
        before = len(found)
        Walk(found, paths.JSON, json_text.exact_dumps if a.exact else json_text.dumps).compare(a.value, b.value, "$")
        if kind == media.JSON and len(found) == before:
            _compare_repeated(a, b, found)


def _compare_repeated(a: Content, b: Content, found: Found) -> None:
    """Of members with the same name only the last one was compared. Another reader may take the first."""
    first, second = json_text.repeated_member(a.body, a.value), json_text.repeated_member(b.body, b.value)
    if first != second:
        texts = [f"two members {name!r} in one object" if name else media.JSON for name in (first, second)]
        found.add("body", "", "undecodable", *texts)


def _read_json(body: bytes, _: str, exact: bool) -> tuple[Any, bool]:
    return json_text.parse(body, exact)


def _read_lines(body: bytes, _: str, exact: bool) -> tuple[Any, bool]:
    return json_text.parse_lines(body, exact)


def _read_form(body: bytes, _: str, exact: bool) -> tuple[Any, bool]:
    try:
        fields = parse_qsl(
            body.decode("utf-8", "backslashreplace"),
            keep_blank_values=True,
            errors="backslashreplace",
            max_num_fields=_MAX_FORM_FIELDS,
        )
    except ValueError:
        raise Undecodable(f"over {_MAX_FORM_FIELDS} fields") from None
    form: dict[str, Any] = {}
    for name, value in fields:
        form.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in form.items()}, exact


def _read_html(body: bytes, content_type: str, exact: bool) -> tuple[Any, bool]:
    tree = markup.html(media.text(content_type, body) or body)
    return (tree, exact) if tree is not None else _read_text(body, content_type, exact)


def _read_xml(body: bytes, _: str, exact: bool) -> tuple[Any, bool]:
    return markup.xml(body), exact


def _read_text(body: bytes, content_type: str, exact: bool) -> tuple[Any, bool]:
    text = media.text(content_type, body) if body.count(b"\n") <= _MAX_LINES else None
    if text is None:
        raise Undecodable("not text")
    return text.split("\n"), exact


def _read_bytes(body: bytes, _: str, exact: bool) -> tuple[Any, bool]:
    return body, exact


_READERS: dict[str, Callable[[bytes, str, bool], tuple[Any, bool]]] = {
    media.JSON: _read_json,
    media.LINES: _read_lines,
    media.FORM: _read_form,
    media.HTML: _read_html,
    media.XML: _read_xml,
    media.TEXT: _read_text,
    media.BYTES: _read_bytes,
}
