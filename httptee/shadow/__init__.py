"""One test server B: a clone gets a slot or is dropped, is sent in one of two ways, and is settled once. Others use
`Shadow` and its parts: `Guards`, `Breaker`, `Budget`, `Cutoff`."""

from httptee.shadow.breaker import Breaker, BreakerPolicy
from httptee.shadow.budget import Budget
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.shadow import ASSURED, AT_ONCE, Guards, Shadow

__all__ = [
    "ASSURED",
    "AT_ONCE",
    "Breaker",
    "BreakerPolicy",
    "Budget",
    "Cutoff",
    "Guards",
    "Shadow",
]
