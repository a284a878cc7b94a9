"""A recording in an engine: how it gets there, and how it is read."""

from httptee.recording.engine.fetching import Fetching
from httptee.recording.engine.shipping import OUTBOX_SUFFIX, ShippedRegister
from httptee.recording.engine.topic import Topic

__all__ = ["OUTBOX_SUFFIX", "Fetching", "ShippedRegister", "Topic"]
