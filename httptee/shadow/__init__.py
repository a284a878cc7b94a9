"""One test server B: a clone gets a slot or is dropped, is sent in one of two ways, and is settled once. Others
use `Shadow` and the parts that it is built from."""

from httptee.shadow.breaker import Breaker, BreakerPolicy
from httptee.shadow.budget import Budget, keep_for
from httptee.shadow.cutoff import Cutoff
from httptee.shadow.partners import Guards
from httptee.shadow.roads import AT_ONCE, Roads
from httptee.shadow.shadow import Shadow
from httptee.shadow.slots import ASSURED

__all__ = [
    "ASSURED",
    "AT_ONCE",
    "Breaker",
    "BreakerPolicy",
    "Budget",
    "Cutoff",
    "Guards",
    "Roads",
    "Shadow",
    "keep_for",
]
