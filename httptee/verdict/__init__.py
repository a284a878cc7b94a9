"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.pair import Again, Pair
from httptee.verdict.report import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport

__all__ = [
    "NO",
    "NOT_YET",
    "YES",
    "Again",
    "Finding",
    "LatencyReport",
    "Pair",
    "Report",
    "RouteReport",
]
