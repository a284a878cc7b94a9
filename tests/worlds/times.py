"""How long an answer takes: what is usual for the route, the load on both servers, stalls of one and of both."""

from __future__ import annotations

import math
from functools import lru_cache
from random import Random

SPREAD = 0.2
"""The standard deviation of the logarithm of a time."""
STALLS = 0.04
"""The share of answers that stall by themselves, on either server."""
STALL = 0.06
"""The usual length of such a stall above 20 ms, in seconds. Few are much longer, as pauses of a collector are."""
SLOT, BURST = 2.0, 0.3
"""Both servers stall together for `BURST` seconds in some slots of `SLOT` seconds."""


@lru_cache(maxsize=4096)
def _slot(seed: int, number: int) -> tuple[float, float]:
    """The load in a slot, and where the burst in it begins, in seconds, or -1."""
    random = Random(f"{seed}/slot/{number}")
    burst = random.uniform(0.0, SLOT - BURST) if random.random() < 0.08 else -1.0
    return 1.0 + 0.4 * random.random(), burst


def seconds(seed: int, usual: float, at: float, random: Random, bursts: bool, stalls: float) -> float:
    """The time of one answer in seconds. `stalls` multiplies the number of stalls."""
    number = int(at / SLOT)
    load, burst = _slot(seed, number)
    taken = usual * load * math.exp(random.gauss(0.0, SPREAD))
    if random.random() < STALLS * stalls:
        taken += 0.02 + random.expovariate(1 / STALL)
    if bursts and burst >= 0.0 and burst <= at - number * SLOT < burst + BURST:
        taken *= random.uniform(3.0, 8.0)
    return taken
