"""A tree of path segments with a bounded number of children. What has too many children holds data, not names."""

from __future__ import annotations

from collections.abc import Iterator

from httptee.compare.segments import NAME, PLACEHOLDERS

FAN_OUT = 40
_KEPT_SHARE, _KEPT_HITS = 0.05, 5


class Node:
    """A place in the tree. `routes` are the names of the routes that end here, by method; `hits` their requests."""

    __slots__ = ("children", "hits", "many", "path", "routes")

    def __init__(self, path: str) -> None:
        self.path = path
        self.children: dict[str, Node] = {}
        self.routes: dict[str, str] = {}
        self.hits = 0
        self.many = False

    def grow(self, label: str) -> Node:
        """The child with this label, made if there is none."""
        child = self.children.get(label)
        if child is None:
            child = self.children[label] = Node(f"{self.path}/{label}")
        return child

    def is_crowded(self) -> bool:
        """Whether the node has more children than it may have."""
        return len(self.children) > FAN_OUT

    def below(self) -> Iterator[Node]:
        """The node and all below it, parents first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children.values())


def collapse(crowded: Node) -> list[tuple[str, str]]:
    """Make one child of those with little traffic. Returns the routes that got another name: (old, new), in order.

    Children with a twentieth of the traffic, and five requests or more, stay, and so do placeholders. Nodes below that
    get too many children in this way collapse as well.
    """
    renamed: list[tuple[str, str]] = []
    node: Node | None = crowded
    while node is not None:
        _collapse_one(node, renamed)
        node = next((inner for inner in crowded.below() if inner.is_crowded() and not inner.many), None)
    return renamed


def _collapse_one(node: Node, renamed: list[tuple[str, str]]) -> None:
    node.many = True
    traffic = {label: sum(inner.hits for inner in child.below()) for label, child in node.children.items()}
    enough = max(_KEPT_HITS, _KEPT_SHARE * sum(traffic.values()))
    merged = node.grow(NAME)
    for label, hits in traffic.items():
        if label not in PLACEHOLDERS and hits < enough:
            _merge(merged, node.children.pop(label), renamed)


def _merge(target: Node, source: Node, renamed: list[tuple[str, str]]) -> None:
    waiting = [(target, source)]
    while waiting:
        into, node = waiting.pop()
        into.hits += node.hits
        into.many |= node.many
        for method, old in node.routes.items():
            new = into.routes.setdefault(method, f"{method} {into.path}")
            renamed.append((old, new))
        for label, child in node.children.items():
            known = label in PLACEHOLDERS or label in into.children or not into.many
            waiting.append((into.grow(label if known else NAME), child))
