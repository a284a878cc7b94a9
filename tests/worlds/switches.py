"""A switch: one planted defect or noise, what it does to an answer, and what a verdict has to say about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.worlds.service import Draft, Moment

Edit = Callable[["Draft", "Moment"], None]
"""Changes an answer before it is encoded."""
Wire = Callable[[bytes, "Moment"], bytes]
"""Changes the encoded body."""

LATENCY = "latency"
"""The part of an expected finding about times. Its kind is empty."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that has to be in the report. Several paths, kinds or labels: any of them is right.

    The label `absent` says that there may be no such finding.
    """

    route: str
    part: str
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    labels: tuple[str, ...]

    def is_at(self, route: str, part: str, path: str, kind: str) -> bool:
        """Whether a finding is about the same thing."""
        return route == self.route and part == self.part and path in self.paths and kind in self.kinds


@dataclass(frozen=True, slots=True)
class Switch:
    """One defect of B, or one noise of A and B.

    `edit` is applied to the answers of `route` before they are encoded, `wire` after. `slow` multiplies B's times and
    `stalls` the number of its stalls. `lost` and `late` are the shares of writes that do not reach B, or reach it after
    the next read. `also` are (route, part) of findings that come with this one and are right, too. `needs` names the
    noise without which a defect shows nothing, and `note` a part of a note that has to be in the report. `plain`: one
    of the design's table, which is on where all are on.
    """

    name: str
    route: str = ""
    expected: tuple[Expected, ...] = ()
    edit: Edit | None = None
    wire: Wire | None = None
    slow: float = 1.0
    stalls: float = 1.0
    lost: float = 0.0
    late: float = 0.0
    also: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()
    note: str = ""
    encoding: bool = False
    bursts: bool = False
    plain: bool = True


def found(
    route: str, part: str, path: str | tuple[str, ...], kind: str | tuple[str, ...], *labels: str
) -> tuple[Expected, ...]:
    """One expected finding. Without a label it is `differs`."""
    paths = (path,) if isinstance(path, str) else path
    kinds = (kind,) if isinstance(kind, str) else kind
    return (Expected(route, part, paths, kinds, labels or ("differs",)),)


def table(*switches: Switch) -> dict[str, Switch]:
    """The switches by name."""
    return {each.name: each for each in switches}
