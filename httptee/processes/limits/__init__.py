"""The limits of the system: of open files, and of threads and processes. The settings are fitted to them."""

from httptee.processes.limits.descriptors import TooFewDescriptorsError, within_descriptors
from httptee.processes.limits.threads import may_start, within_threads

__all__ = ["TooFewDescriptorsError", "may_start", "within_descriptors", "within_threads"]
