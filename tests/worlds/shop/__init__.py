"""The first world: a shop. The thresholds of the verdict were tuned on it."""

from tests.worlds.shop.service import SHOP

__all__ = ["SHOP"]
