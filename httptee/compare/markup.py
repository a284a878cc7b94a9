"""HTML and XML as nested objects, so that they are compared like JSON.

An element is an object: its attributes (`@class`), its own text (`text()`), comments (`comment()`) and, by name, the
lists of its child elements. White space between words does not count.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any
from xml.parsers import expat

from httptee.compare.coding import Undecodable
from httptee.compare.walk import TAGS

MAX_ELEMENTS = 50_000
_MAX_HTML = 1 << 18
_FEW_TAGS, _MAX_TAGS, _MAX_REPEATED = 1000, 10_000, 1_000_000
_FORMATTING = re.compile(r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\s/]", re.ASCII | re.IGNORECASE)

Element = dict[str, Any]


class _Tree:
    """Builds the nested objects from events. Raises `Undecodable` for too many elements."""

    __slots__ = ("_count", "_open", "root")

    def __init__(self) -> None:
        self.root: Element = {}
        self._open: list[tuple[Element, list[str], list[str]]] = [(self.root, [], [])]
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str | None]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise Undecodable(f"over {MAX_ELEMENTS} elements")
        element: Element = {f"@{name}": value or "" for name, value in attributes.items()}
        parent, tags, _ = self._open[-1]
        siblings = parent.get(tag)
        if siblings is None:
            parent[tag] = [element]
        else:
            siblings.append(element)
        tags.append(tag)
        self._open.append((element, [], []))

    def text(self, text: str) -> None:
        self._open[-1][2].append(text)

    def comment(self, text: str) -> None:
        element = self._open[-1][0]
        element["comment()"] = f"{element.get('comment()', '')} {' '.join(text.split())}".strip()

    def end(self, _: str = "") -> None:
        element, tags, texts = self._open.pop()
        text = " ".join("".join(texts).split())
        if text:
            element["text()"] = text
        if len(tags) > 1:
            element[TAGS] = " ".join(tags)


@cache
def is_html_readable() -> bool:
    """Whether HTML can be compared by its elements, with the extra `html`. Otherwise it is text."""
    try:
        import_module("selectolax.lexbor")
    except ImportError:
        return False
    return True


def html(body: bytes | str) -> Element | None:
    """The document, or None if it cannot be read or would take too long: the parser's time and memory are not linear.

    Open elements cost as much as their number each time, and unclosed formatting is repeated in each paragraph.
    """
    tags = body.count("<") if isinstance(body, str) else body.count(b"<")
    if len(body) > _MAX_HTML or tags > _MAX_TAGS or not is_html_readable():
        return None
    if tags > _FEW_TAGS:
        text = body if isinstance(body, str) else body.decode("latin-1")
        if len(_FORMATTING.findall(text)) * tags > _MAX_REPEATED:
            return None
    from selectolax.lexbor import LexborHTMLParser

    return _tree(LexborHTMLParser(body).root)


def _tree(node: Any) -> Element:
    """The elements at and below a node. It goes by depth, since the parser compares nodes by writing them as text."""
    tree = _Tree()
    depth = 0
    while node is not None:
        if node.is_element_node:
            tree.start(node.tag or "", node.attributes)
            below = node.child
            if below is not None:
                node, depth = below, depth + 1
                continue
            if node.tag == "template":
                tree.text(node.html or "")
            tree.end()
        elif node.is_text_node:
            tree.text(node.text_content or "")
        elif node.is_comment_node:
            tree.comment(node.comment_content or "")
        beside = node.next
        while beside is None and depth > 0:
            node, depth = node.parent, depth - 1
            tree.end()
            beside = node.next
        node = beside if depth > 0 else None
    return tree.root


def xml(body: bytes) -> Element:
    """The document. Raises `Undecodable`, also for a DTD inside the document: entities are a way to make it huge."""
    tree = _Tree()
    parser: Any = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_declarations
    parser.EntityDeclHandler = _refuse_entities
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    parser.CommentHandler = tree.comment
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise Undecodable(f"not XML: {error}") from None
    return tree.root


def _refuse_declarations(name: str, system: str | None, public: str | None, internal: bool) -> None:
    if internal:
        raise Undecodable("XML with a DTD of its own")


def _refuse_entities(*_: object) -> None:
    raise Undecodable("XML that declares entities")
