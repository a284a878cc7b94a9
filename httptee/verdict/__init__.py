"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.channel import LocalChannel, PairReader, PairSender, Sender, open_channel
from httptee.verdict.pair import Again, Pair

__all__ = [
    "Again",
    "LocalChannel",
    "Pair",
    "PairReader",
    "PairSender",
    "Sender",
    "open_channel",
]
