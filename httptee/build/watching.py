"""Builds the worker's side of the verdict."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from httptee.build.part import Part
from httptee.compare import Routes
from httptee.ledger import Faults
from httptee.settings import Settings, backend_names, shadow_settings
from httptee.verdict.court import Sender
from httptee.verdict.pairs import Chooser, Comparer, Keeper, Tallies


@dataclass(frozen=True, slots=True)
class Watching:
    """What all worker processes share with the judge. It is made before they are forked."""

    tallies: Tallies
    sender: Sender
    place: str  # the directory of the evidence
    left_out: frozenset[str] = frozenset()  # the header fields that are not compared, in lower case
    engine: str = ""  # the address of the topic in which the pairs are published; then `place` is the outbox


def build_tallies(settings: Settings, rows: int = 1, earlier: Sequence[Tallies] = ()) -> Tallies:
    """The tallies of a tee with `rows` worker processes. They must be built before they are forked.

    After a reload they continue the counts of the `earlier` ones.
    """
    return Tallies(backend_names(settings.b), rows, earlier, run=secrets.token_hex(8))


def build_watchers(
    settings: Settings, watching: Watching, part: Part, faults: Faults
) -> tuple[Keeper, list[Comparer | None]]:
    """What keeps the answers of A, and for each B what compares its answers with them, in one worker process."""
    tallies = watching.tallies.row(part.row)
    chooser = Chooser(part.of(settings.verdict_rate, least=1), Random())
    templates = [template for shadow in shadow_settings(settings) for template in shadow.rules.templates]
    comparers: list[Comparer | None] = []
    for number, name in enumerate(watching.tallies.backends):
        comparers.append(Comparer(name, number, tallies, chooser, watching.sender, watching.left_out))
    keeper = Keeper(Routes(templates), tallies, chooser, settings.verdict_max_body, faults, watching.left_out)
    return keeper, comparers
