"""Which share each B gets, and what was ordered for it."""

from __future__ import annotations

from dataclasses import dataclass

from httptee.ledger import Ledger, Orders, distinct
from httptee.settings import Settings, ShadowSettings, backend_names, shadow_settings


@dataclass(frozen=True, slots=True)
class Share:
    """One B: what its line says, and what was ordered in place of it."""

    shadow: ShadowSettings
    orders: Orders

    @property
    def percent(self) -> float:
        """The share in force while B is not paused."""
        ordered = self.orders.percent
        return self.shadow.criteria.percent if ordered is None else ordered


def shares_of(settings: Settings, ledger: Ledger) -> dict[str, Share]:
    """The share of each B of the settings, by its name; a number is added to a name that comes again."""
    names = distinct(backend_names(settings.b))
    both = zip(shadow_settings(settings), ledger.orders, strict=False)
    return {name: Share(*pair) for name, pair in zip(names, both, strict=False)}
