"""The loop of the drainer: it does what is due for each B, and tries again what a disk refuses."""

from httptee.spool.draining.drained import Drained
from httptee.spool.draining.drainer import Drainer, Drains

__all__ = ["Drained", "Drainer", "Drains"]
