"""One rate of a B for many tees: each tells Redis what it has for B, and gets its part. `RatesProcess` runs it."""

from httptee.processes.rates.process import RatesProcess

__all__ = ["RatesProcess"]
