"""One replay by several members: how they find one another beside a topic, begin together, and add up to one report."""

from httptee.replay.sharing.meeting import Alone, Meeting

__all__ = ["Alone", "Meeting"]
