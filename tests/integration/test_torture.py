"""Everything that may go wrong at once: with A, with B, with clients, with the tee's own processes.

Every answer that a client gets is the one that A sent for that very request, or one of the tee's own that fits what A
has done, or it is visibly cut short. Meanwhile and afterwards every clone is accounted for, and nothing has grown.
A failure names the seed; TORTURE_SEED runs it again (the order in which threads come to act is not repeated by it).
"""

from __future__ import annotations

from collections.abc import Iterator
from time import sleep

import pytest

from bench.torture.asked import EVERYTHING, Mix
from bench.torture.crowd import Crowd
from bench.torture.judge import Tally, Windows
from bench.torture.operator import AWAY, Operator
from tests.support.torture import Stage, seed, staged

pytestmark = pytest.mark.integration

CLIENTS = 32
A_SHARE_OF_MEMORY = 24_000_000
"""Bytes that may come and go: buffers of large bodies, whatever malloc keeps."""


@pytest.fixture
def number() -> Iterator[int]:
    """The seed of a test."""
    value = seed()
    print(f"TORTURE_SEED={value}")
    return value


def torment(stage: Stage, number: int, seconds: float, acts: dict[str, int], every: float = 0.4,
            mix: Mix = EVERYTHING) -> tuple[Tally, dict[str, int]]:  # fmt: skip
    """Clients and an operator at work for so long: what the clients got, and what the operator did."""
    windows = Windows()
    with (
        Crowd(stage.tee.port, CLIENTS, number, mix, windows) as crowd,
        Operator(number, acts, every, windows, stage.session, stage.a, stage.b) as operator,
    ):
        sleep(seconds)
    print(dict(crowd.tally.counts), operator.done)
    assert operator.errors == []
    assert not crowd.tally.unexpected, "\n".join(crowd.tally.unexpected)
    return crowd.tally, operator.done


def test_trial(number: int) -> None:
    with staged("-processes", "2") as stage:
        print(stage.resources())
        torment(stage, number, 8, AWAY)
        print(stage.settled(), stage.a.say("report"), stage.b.say("report"))
        sleep(1)
        print(stage.resources())
