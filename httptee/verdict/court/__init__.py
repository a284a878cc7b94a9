"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.court.court import Court
from httptee.verdict.court.latency import BUCKETS, Blocks, Toss, bucket
from httptee.verdict.court.pair import Again, Pair, Sender
from httptee.verdict.court.policy import Counts, Policy, sample_share
from httptee.verdict.court.report import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport
from httptee.verdict.court.rules import Rule, Rules, route_template
from httptee.verdict.court.sums import RouteSums

__all__ = [
    "BUCKETS",
    "NO",
    "NOT_YET",
    "YES",
    "Again",
    "Blocks",
    "Counts",
    "Court",
    "Finding",
    "LatencyReport",
    "Pair",
    "Policy",
    "Report",
    "RouteReport",
    "RouteSums",
    "Rule",
    "Rules",
    "Sender",
    "Toss",
    "bucket",
    "route_template",
    "sample_share",
]
