"""What the comparisons add up to: noise, tests, tallies, evidence, and the report that answers YES, NO or NOT YET."""

from httptee.verdict.asking import Asker, Asking, UpstreamAsker
from httptee.verdict.channel import LocalChannel, PairReader, PairSender, Reader, Sender, open_channel
from httptee.verdict.judge import Judge, Pace
from httptee.verdict.pair import Again, Pair
from httptee.verdict.repeats import RepeatLimits, Repeats
from httptee.verdict.report import NO, NOT_YET, YES, Finding, LatencyReport, Report, RouteReport
from httptee.verdict.sums import RouteSums
from httptee.verdict.thread import JudgeThread, MakeJudge
from httptee.verdict.trial import Compare, CourtLike, Observed, Trial

__all__ = [
    "NO",
    "NOT_YET",
    "YES",
    "Again",
    "Asker",
    "Asking",
    "Compare",
    "CourtLike",
    "Finding",
    "Judge",
    "JudgeThread",
    "LatencyReport",
    "LocalChannel",
    "MakeJudge",
    "Observed",
    "Pace",
    "Pair",
    "PairReader",
    "PairSender",
    "Reader",
    "RepeatLimits",
    "Repeats",
    "Report",
    "RouteReport",
    "RouteSums",
    "Sender",
    "Trial",
    "UpstreamAsker",
    "open_channel",
]
