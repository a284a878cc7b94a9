"""Builds what takes the judge's place in a tee whose pairs are judged elsewhere, see `verdict.fleet`.

A tee that judges for itself imports none of it: the imports stand in the function that the child process calls.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from httptee.build import Observed, fingerprints_of
from httptee.ledger import Ledger
from httptee.settings import Settings
from httptee.verdict.judge import MakeJudge, Pace, Reader
from httptee.verdict.pairs import Tallies

if TYPE_CHECKING:
    from httptee.verdict.fleet import Publisher

_SEGMENT = 8 << 20  # bytes


def make_publisher(settings: Settings, ledger: Ledger, tallies: Tallies, place: str, instance: str) -> MakeJudge:
    """What makes the publisher, in the process in which it runs. `place` is the directory of the outbox, `instance` the
    name of this tee."""
    return partial(_publisher, settings, Observed(ledger, tallies), (Path(place), instance, time()))


def _publisher(
    settings: Settings,
    observed: Observed,
    named: tuple[Path, str, float],
    reader: Reader,
    pace: Pace,
    short_of_memory: Callable[[], bool],
) -> Publisher:
    from httptee.journal import JournalWriter, Limits
    from httptee.journal.engines import open_engine
    from httptee.journal.shipping import Shipper
    from httptee.verdict.fleet import SUFFIX, Describer, Leftovers, Publisher, Telling, packed_key

    place, instance, began = named
    stream = f"pairs-{os.getpid()}-{secrets.token_hex(4)}"
    outbox = JournalWriter(place, stream, SUFFIX, limits=Limits(_SEGMENT, settings.verdict_max_bytes))
    # Each thread has an engine of its own.
    shipping, telling = (open_engine(settings.verdict_engine) for _ in range(2))
    shipper = Shipper(shipping, place, SUFFIX, instance, packed_key, own=stream)
    describe = Describer(observed, instance, began, fingerprints_of(settings))
    leftovers = Leftovers(place) if settings.outbox else None
    return Publisher(reader, outbox, shipper, Telling(telling, describe, leftovers), pace)
