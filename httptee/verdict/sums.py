"""What the worker processes have counted for one route and one B, added up over all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RouteSums:
    """Counts of one route. `chosen`: pairs that were to be compared, decided before B's answer was known. `judged`:
    those that were compared, `equal` plus `unequal`. `lost`: unequal pairs that did not reach the judge. `requests`:
    all that were offered to this B.

    Latency, see `verdict.latency`: `blocks` decided by a coin, of which `slower`; `quick`: blocks in which the reverse
    coin held. `tail_blocks` and `tail_slower` likewise. The histograms count times to the head of the answers.
    """

    requests: int = 0
    chosen: int = 0
    equal: int = 0
    unequal: int = 0
    lost: int = 0
    blocks: int = 0
    slower: int = 0
    quick: int = 0
    tail_blocks: int = 0
    tail_slower: int = 0
    a_times: Sequence[int] = field(default_factory=tuple)
    b_times: Sequence[int] = field(default_factory=tuple)

    @property
    def judged(self) -> int:
        """Pairs that were compared."""
        return self.equal + self.unequal
