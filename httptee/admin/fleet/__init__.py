"""The pages of a central judge: the verdict and the ledger of many tees."""

from httptee.admin.fleet.application import FleetAdmin

__all__ = ["FleetAdmin"]
