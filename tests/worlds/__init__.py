"""Worlds: mock services that a verdict can be proved on.

A world is one service, asked as A or as B, both from one seed. Defects are planted in B alone, noises in both. Each
switch says what a verdict has to find. `World` answers in process on a simulated clock, `python -m tests.worlds` serves
the same answers over HTTP.
"""

from tests.worlds.clinic import CLINIC
from tests.worlds.fleet import FLEET
from tests.worlds.service import Draft, Moment, Route, Service
from tests.worlds.shop import SHOP
from tests.worlds.switches import Expected, Switch
from tests.worlds.world import World

SERVICES = {service.name: service for service in (SHOP, FLEET, CLINIC)}
"""The worlds by name."""

__all__ = ["CLINIC", "FLEET", "SERVICES", "SHOP", "Draft", "Expected", "Moment", "Route", "Service", "Switch", "World"]
