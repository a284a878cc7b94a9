"""How long an answer takes: what is usual for the route, the load on both servers, stalls of one and of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from random import Random


@dataclass(frozen=True, slots=True)
class Pace:
    """How a service's times vary. Lengths are in seconds.

    `spread` is the standard deviation of the logarithm of a time. `stalls` is the share of answers that stall by
    themselves, on either server, for 20 ms and mostly up to `stall` more; few are much longer, as pauses of a garbage
    collector are. In a share of `bursts` of all slots of length `slot` both servers stall together, for `burst`.
    """

    spread: float = 0.2
    stalls: float = 0.04
    stall: float = 0.06
    slot: float = 2.0
    bursts: float = 0.08
    burst: float = 0.3

    def seconds(self, seed: int, usual: float, at: float, random: Random, bursts: bool, stalls: float) -> float:
        """The time of one answer. `stalls` multiplies the number of stalls."""
        number = int(at / self.slot)
        load, burst = _slot(self, seed, number)
        taken = usual * load * math.exp(random.gauss(0.0, self.spread))
        if random.random() < self.stalls * stalls:
            taken += 0.02 + random.expovariate(1 / self.stall)
        if bursts and burst >= 0.0 and burst <= at - number * self.slot < burst + self.burst:
            taken *= random.uniform(3.0, 8.0)
        return taken


USUAL = Pace()


@lru_cache(maxsize=4096)
def _slot(pace: Pace, seed: int, number: int) -> tuple[float, float]:
    """The load in a slot, and where the burst in it begins, in seconds, or -1."""
    random = Random(f"{seed}/slot/{number}")
    burst = random.uniform(0.0, pace.slot - pace.burst) if random.random() < pace.bursts else -1.0
    return 1.0 + 0.4 * random.random(), burst
