"""Changes of an answer that switches of several worlds make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.worlds.service import Draft, Moment
from tests.worlds.switches import Edit


def _parents(content: Any, path: str) -> tuple[list[Any], str]:
    """The objects that hold the last name of a path such as `items[].price` or `[].name`, and that name."""
    *above, last = path.split(".")
    nodes = [content]
    for name in above:
        inner = name.removesuffix("[]")
        nodes = [node[inner] if inner else node for node in nodes]
        if name.endswith("[]"):
            nodes = [child for node in nodes for child in node]
    return nodes, last


def at(path: str, change: Callable[[Any, Moment], Any], share: float = 1.0) -> Edit:
    """An edit that replaces the value at `path`, or adds it, in this share of the answers with status 200."""

    def edit(draft: Draft, moment: Moment) -> None:
        if draft.status != 200 or (share < 1.0 and moment.random.random() >= share):
            return
        nodes, last = _parents(draft.content, path)
        for node in nodes:
            node[last] = change(node.get(last), moment)

    return edit


def without(path: str) -> Edit:
    """An edit that removes the value at `path` from answers with status 200."""

    def edit(draft: Draft, moment: Moment) -> None:
        if draft.status == 200:
            nodes, last = _parents(draft.content, path)
            for node in nodes:
                node.pop(last, None)

    return edit


def kept_since(moment: Moment, seconds: float) -> float:
    """When this server made a page that it keeps for so long. Servers that were started apart make it apart."""
    behind = {"a": 0.1, "a2": 0.4, "b": 0.7}[moment.side] + moment.random.uniform(0.0, 0.2)
    made: float = moment.memory.get("made", moment.at - seconds * behind)
    if moment.at - made >= seconds:
        made = moment.at
    moment.memory["made"] = made
    return made


def header(name: str, value: Callable[[Moment], str]) -> Edit:
    """An edit that sets a header field."""

    def edit(draft: Draft, moment: Moment) -> None:
        draft.headers = [*(pair for pair in draft.headers if pair[0] != name), (name, value(moment))]

    return edit


def without_header(name: str) -> Edit:
    """An edit that removes a header field."""

    def edit(draft: Draft, moment: Moment) -> None:
        draft.headers = [pair for pair in draft.headers if pair[0] != name]

    return edit


def whole_answer(status: int, content: Any, share: float, *headers: tuple[str, str]) -> Edit:
    """An edit that puts another answer in the place of this share of them."""

    def edit(draft: Draft, moment: Moment) -> None:
        if moment.random.random() < share:
            draft.status, draft.content, draft.kind, draft.headers = status, content, "json", list(headers)

    return edit


def cut_coded(body: bytes, moment: Moment) -> bytes:
    """Cuts a body with a content coding."""
    return body[: int(len(body) * 0.6)] if moment.header("accept-encoding") else body


def cut_some(body: bytes, moment: Moment) -> bytes:
    """Cuts one body in ten."""
    return body[: int(len(body) * 0.8)] if moment.random.random() < 0.1 else body
