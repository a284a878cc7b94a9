"""A tee beside the same tee with something more: both run at once, and the load alternates between them."""

from .paired import Paired, add_windows, alternate, in_rounds, table_of, targets

__all__ = ["Paired", "add_windows", "alternate", "in_rounds", "table_of", "targets"]
