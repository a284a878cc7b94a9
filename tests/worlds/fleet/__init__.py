"""The second world: a fleet of vehicles. Nothing of the verdict was tuned on it: it was written last."""

from tests.worlds.fleet.service import FLEET

__all__ = ["FLEET"]
