"""Builds a central judge, see `verdict.fleet`."""

from __future__ import annotations

import time
from dataclasses import dataclass

from httptee.build import asking_of, evidence_of, trials_of
from httptee.compare import differences
from httptee.journal.engines import Engine, Unavailable, open_engine
from httptee.settings import Settings
from httptee.verdict.fleet import GROUP, CentralJudge, Partitions, Standing, TeeDocuments, read_merged
from httptee.verdict.judge import RepeatLimits, Repeats


@dataclass(frozen=True, slots=True)
class CentralPlace:
    """Where a central judge works: the `address` of the topic, its own `name` among the judges, and the `directory` of
    its evidence."""

    address: str
    name: str
    directory: str


def make_central(settings: Settings, place: CentralPlace) -> CentralJudge:
    """A central judge of the Bs in the settings. Raises ValueError: the address is wrong, or something is missing."""
    engine = open_engine(place.address)
    trials = trials_of(settings)
    now = time.time()
    evidence = evidence_of(settings, place.directory)
    return CentralJudge(
        Partitions(engine.join(GROUP), engine.partitions, trials, settings.verdict_keep),
        TeeDocuments(engine),
        trials,
        evidence,
        asking_of(settings),
        Repeats(RepeatLimits(per_second=settings.verdict_repeat), now, earlier_repeats(engine)),
        differences,
        Standing(engine, evidence, place.name, now),
    )


def earlier_repeats(engine: Engine) -> dict[str, int] | None:
    """How often A was asked again by all judges so far, so that there is one warm-up only; None if it is not known."""
    try:
        found = read_merged(engine)
        return {"made": sum(int(report["repeats"]) for report in found["reports"])} if found else None
    except (Unavailable, ValueError, KeyError, TypeError):
        return None
