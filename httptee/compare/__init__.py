"""Two answers in, their differences out; and the route of a request. Pure: no I/O, no clock.

Others use `differences` on two `Outcome`s, and `Routes` to name the route of a method and a target.
"""

from httptee.compare.coding import Undecodable, decoded
from httptee.compare.comparison import differences, equal
from httptee.compare.difference import Difference, Key, Outline, Scalar
from httptee.compare.outcome import Outcome
from httptee.compare.routes import Routes
from httptee.compare.segments import NAME

__all__ = [
    "NAME",
    "Difference",
    "Key",
    "Outcome",
    "Outline",
    "Routes",
    "Scalar",
    "Undecodable",
    "decoded",
    "differences",
    "equal",
]
