"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.channel import LocalChannel, PairReader, PairSender, Sender, open_channel
from httptee.verdict.latency import BUCKETS, Blocks, Margin, Toss, bucket
from httptee.verdict.pair import Again, Pair
from httptee.verdict.report import Finding, LatencyReport, Report, RouteReport
from httptee.verdict.rules import Rule, Rules
from httptee.verdict.sums import RouteSums

__all__ = [
    "BUCKETS",
    "Again",
    "Blocks",
    "Finding",
    "LatencyReport",
    "LocalChannel",
    "Margin",
    "Pair",
    "PairReader",
    "PairSender",
    "Report",
    "RouteReport",
    "RouteSums",
    "Rule",
    "Rules",
    "Sender",
    "Toss",
    "bucket",
    "open_channel",
]
