"""The third world: a clinic. It was written last.

After the first run on it, how late reads are told from races was changed.
"""

from tests.worlds.clinic.service import CLINIC

__all__ = ["CLINIC"]
