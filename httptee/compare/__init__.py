"""Two answers in, their differences out; and the route of a request. Pure: no I/O, no clock.

Others use `differences` on two `Outcome`s, and `Routes` to name the route of a method and a target.
"""

from httptee.compare.difference import Difference, Key
from httptee.compare.outcome import Outcome

__all__ = [
    "Difference",
    "Key",
    "Outcome",
]
