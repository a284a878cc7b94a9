"""One B: a clone gets a slot or is dropped, takes one of two roads, and is settled once. Others use `Shadow` and
what it is built from: `Guards`, `Breaker`, `Budget`, `Cutoff`."""

from httptee.shadow.breaker import Breaker, BreakerPolicy
from httptee.shadow.budget import Budget
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.shadow import AT_ONCE, Guards, Shadow

__all__ = [
    "AT_ONCE",
    "Breaker",
    "BreakerPolicy",
    "Budget",
    "Cutoff",
    "Guards",
    "Shadow",
]
