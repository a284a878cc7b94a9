"""Builds the judge: a court for each B, the evidence, and the upstreams for repeats."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from time import time
from typing import Any

from httptee.build.upstreams import primary_upstream, shadow_upstream
from httptee.compare import differences
from httptee.ledger import Ledger, PrimaryStatement, Statement, mean_share
from httptee.primary import Answering
from httptee.settings import Settings, ShadowSettings, shadow_settings
from httptee.verdict.court import Counts, Court, Policy, RouteSums
from httptee.verdict.evidence import Evidence
from httptee.verdict.judge import (
    ApplicationAsker,
    Asking,
    Judge,
    MakeJudge,
    Pace,
    Reader,
    RepeatLimits,
    Repeats,
    Trial,
    UpstreamAsker,
)
from httptee.verdict.pairs import Tallies

_NOT_FOR_B = ("paused", "sampled_out", "filtered", "other_status", "rate_limited", "primary_failed")
"""Drop reasons of clones that B was not to get."""


def make_judge(
    settings: Settings,
    ledger: Ledger,
    tallies: Tallies,
    place: str,
    primary: Answering | None = None,
    *,
    repeats: bool = True,
    left_out: frozenset[str] = frozenset(),
) -> MakeJudge:
    """What makes the judge, in the process or the thread in which it runs. `place` is the directory of the evidence.

    `primary` is asked for repeats; by default the server that the settings name. Without `repeats`, nothing is.
    The header fields in `left_out` are not compared.
    """
    settings = settings if repeats else replace(settings, verdict_repeat=0)
    return partial(_judge, settings, Observed(ledger, tallies), place, (primary, left_out))


@dataclass(frozen=True, slots=True)
class Observed:
    """What the worker processes have counted, as the judge reads it."""

    ledger: Ledger
    tallies: Tallies

    @property
    def run(self) -> str:
        """The name of this start of the tee."""
        return self.tallies.run

    def sums(self) -> Mapping[str, Mapping[str, RouteSums]]:
        """The counts of each B by route."""
        return self.tallies.sums()

    def names(self) -> Sequence[Collection[str]]:
        """The names of the routes in each worker process."""
        return self.tallies.names()

    def counts(self, backend: str, sums: Mapping[str, RouteSums]) -> Counts:
        """The counts of a whole B. The clones that it was not to get are left out."""
        (statement, *_) = (one for one in self.ledger.statements() if one.backend == backend)
        not_for_b = sum(statement.dropped_by_reason.get(reason, 0) for reason in _NOT_FOR_B)
        return Counts(
            offered=statement.seen - statement.taken_over - not_for_b,
            delivered=statement.delivered,
            chosen=sum(one.chosen for one in sums.values()),
            judged=sum(one.judged for one in sums.values()),
            writes_missed=self.tallies.missed(backend),
        )

    def primary(self) -> PrimaryStatement:
        """A's account."""
        return self.ledger.primary()

    def statements(self) -> Sequence[Statement]:
        """The account of each B."""
        return self.ledger.statements()

    def share(self) -> float:
        """The part of the clones that the cutoffs let through."""
        return mean_share(self.ledger.workers())


def evidence_of(settings: Settings, place: str) -> Evidence:
    """The evidence in the directory `place`, within the limits of the settings."""
    return Evidence(
        place,
        settings.verdict_max_bytes,
        settings.verdict_max_age,
        settings.verdict_keep,
        id_header=settings.request_id_header,
    )


def trials_of(settings: Settings) -> list[Trial]:
    """Each B with its court."""
    return [_trial(settings, shadow) for shadow in shadow_settings(settings)]


def asking_of(settings: Settings, primary: Answering | None = None, left_out: frozenset[str] = frozenset()) -> Asking:
    """What asks A and the Bs again."""
    return Asking(_asker(settings, shadow_settings(settings), primary, left_out), settings.verdict_max_body)


def _judge(
    settings: Settings,
    observed: Observed,
    place: str,
    asked: tuple[Answering | None, frozenset[str]],
    reader: Reader,
    pace: Pace,
    short_of_memory: Callable[[], bool],
) -> Judge:
    chosen = shadow_settings(settings)
    limits = RepeatLimits(per_second=settings.verdict_repeat)
    orders = [(shadow.name, ordered) for shadow, ordered in zip(chosen, observed.ledger.orders, strict=True)]

    def paused(backend: str) -> bool:
        return any(ordered.paused for name, ordered in orders if name == backend)

    return Judge(
        reader,
        trials_of(settings),
        evidence_of(settings, place),
        asking_of(settings, *asked),
        lambda state: Repeats(limits, time(), state, paused),
        observed,
        differences,
        pace,
        short_of_memory=short_of_memory,
        reset=settings.verdict_reset,
    )


def _asker(
    settings: Settings, chosen: tuple[ShadowSettings, ...], primary: Answering | None, left_out: frozenset[str]
) -> UpstreamAsker:
    shadows = {shadow.name: (shadow_upstream(settings, shadow), shadow.timeout) for shadow in chosen}
    if primary is not None:
        return ApplicationAsker(primary.answer, shadows, left_out)
    return UpstreamAsker({"": (primary_upstream(settings), settings.a_timeout), **shadows}, left_out)


def fingerprints_of(settings: Settings) -> dict[str, str]:
    """The fingerprint of each B, by its name."""
    return {shadow.name: _fingerprint(shadow) for shadow in shadow_settings(settings)}


def _fingerprint(shadow: ShadowSettings) -> str:
    """Another endpoint, or other changes to its requests, make another B: its verdict begins anew."""
    same = f"{shadow.endpoint} {shadow.rewrite_host} {shadow.changes}"
    return hashlib.sha256(same.encode()).hexdigest()  # the changes may contain credentials


def _trial(settings: Settings, shadow: ShadowSettings) -> Trial:
    delta, repeat = settings.verdict_delta / 100, settings.verdict_repeat > 0

    def court(chapter: int, state: Mapping[str, Any] | None) -> Court:
        return Court(Policy(shadow.name, chapter, delta, repeat=repeat, rules=shadow.rules), Random(), state)

    return Trial(shadow.name, _fingerprint(shadow), court)
