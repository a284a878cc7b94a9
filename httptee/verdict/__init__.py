"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.choosing import Chooser
from httptee.verdict.keeping import Comparer, Keeper
from httptee.verdict.latency import BUCKETS, Blocks, Margin, Toss, bucket
from httptee.verdict.pair import Again, Pair, Sender
from httptee.verdict.report import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport
from httptee.verdict.rules import Rule, Rules, route_template
from httptee.verdict.sums import RouteSums
from httptee.verdict.tallies import Tallies

__all__ = [
    "BUCKETS",
    "NO",
    "NOT_YET",
    "YES",
    "Again",
    "Blocks",
    "Chooser",
    "Comparer",
    "Finding",
    "Keeper",
    "LatencyReport",
    "Margin",
    "Pair",
    "Report",
    "RouteReport",
    "RouteSums",
    "Rule",
    "Rules",
    "Sender",
    "Tallies",
    "Toss",
    "bucket",
    "route_template",
]
