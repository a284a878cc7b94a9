"""The third world: a clinic. It was written last, and how late reads are told from races was changed after its first run."""

from tests.worlds.clinic.service import CLINIC

__all__ = ["CLINIC"]
