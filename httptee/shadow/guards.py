"""The guards of one B."""

from __future__ import annotations

from dataclasses import dataclass, field

from httptee.ledger import Faults, Orders
from httptee.shadow.breaker import Breaker
from httptee.shadow.budget import Budget
from httptee.shadow.cutoff import Cutoff
from httptee.transport import Reading


@dataclass(frozen=True, slots=True)
class Guards:
    """What limits the cost of a B. The breaker is the B's own; all Bs share the rest.

    `faults` reports what could not be counted. `orders` is what may be ordered for this B while the tee runs.
    """

    breaker: Breaker
    budget: Budget
    cutoff: Cutoff | None = None
    reading: Reading = field(default_factory=Reading)
    faults: Faults = field(default_factory=Faults)
    orders: Orders | None = None
