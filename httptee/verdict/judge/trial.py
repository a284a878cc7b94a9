"""What a judge works with: a court for each B, the evidence, and what the worker processes have counted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from httptee.compare import Difference, Outcome
from httptee.ledger import PrimaryStatement
from httptee.verdict.court import Again, Pair, Report, RouteSums
from httptee.verdict.judge.repeats import Ask

Compare = Callable[[Outcome, Outcome], Sequence[Difference]]


class CourtLike(Protocol):
    """One B's court, see `verdict.court`."""

    def unequal(self, pair: Pair, found: Sequence[Difference]) -> Ask | None:
        """Count a pair; the wish to ask again, or None."""

    def confirmed(self, pair: Pair, again: Again, found: Sequence[Difference]) -> Ask | None:
        """Take what A and B answered once more; a further wish, or None."""

    def refused(self, ask: Any) -> None:
        """The wish is not granted."""

    def fold(self, name_of: Callable[[str], str]) -> None:
        """Put routes together that have turned out to be one."""

    def take(self, state: Mapping[str, Any]) -> None:
        """Add what another court knows by its `state`. Raises KeyError, TypeError or ValueError if it is none."""

    def report(self, sums: Mapping[str, RouteSums], counts: Any, now: float) -> Report:
        """What is known of this B."""

    def state(self) -> dict[str, Any]:
        """What the next court needs, as values of JSON."""


class Evidence(Protocol):
    """Where pairs, states and reports are kept, see `evidence.Evidence`. Its methods do not raise."""

    keep: str
    """How much is kept of a pair: `paths`, `values` or `full`."""

    def add(self, pair: Pair, found: Sequence[Difference], again: Again | None = None) -> bool:
        """Keep a pair, or what was asked again for it; whether it is kept."""

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Store a document."""

    def load(self, name: str) -> Mapping[str, Any] | None:
        """The document of this name, or None."""

    def chapter(self, backend: str, fingerprint: str, reset: bool) -> int:
        """The number of the B's present chapter; another fingerprint begins a new one, and so does `reset`."""

    def next_number(self) -> int:
        """The first number for a new pair."""

    def publish(self, reports: Sequence[Report], **more: Any) -> None:
        """Store the reports for the readers, and more beside them."""

    def close(self) -> None:
        """Commit and close."""


class Observed(Protocol):
    """What the worker processes have counted."""

    @property
    def run(self) -> str:
        """The name of this start of the tee."""

    def sums(self) -> Mapping[str, Mapping[str, RouteSums]]:
        """The counts of each B by route."""

    def names(self) -> Sequence[Collection[str]]:
        """The names of the routes in each worker process, see `pairs.Folding`."""

    def counts(self, backend: str, sums: Mapping[str, RouteSums]) -> Any:
        """The counts of a whole B, with its counts by route: a dataclass with the fields of `verdict.Counts`."""

    def primary(self) -> PrimaryStatement:
        """A's account."""

    def share(self) -> float:
        """The part of the clones that the cutoffs let through."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A B that is judged. Another `fingerprint` begins a new chapter.

    `court` makes its court from the number of the chapter, and from the state of an earlier judge if there is one.
    """

    backend: str
    fingerprint: str
    court: Callable[[int, Mapping[str, Any] | None], CourtLike]
