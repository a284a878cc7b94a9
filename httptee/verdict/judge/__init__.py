"""The judge: takes the pairs that differ from the worker processes, has them compared and judged, asks A and B again,
and keeps evidence and reports. One process beside the worker processes, or a thread."""

from httptee.verdict.judge.asking import ApplicationAsker, Asker, Asking, UpstreamAsker
from httptee.verdict.judge.channel import PairReader, PairSender, Reader, open_channel
from httptee.verdict.judge.judge import Judge
from httptee.verdict.judge.pace import Memory, Pace
from httptee.verdict.judge.repeatable import unrepeatable
from httptee.verdict.judge.repeats import Ask, RepeatLimits, Repeats
from httptee.verdict.judge.thread import JudgeThread, MakeJudge, Runs
from httptee.verdict.judge.trial import Compare, CourtLike, Evidence, Observed, Trial

__all__ = [
    "ApplicationAsker",
    "Ask",
    "Asker",
    "Asking",
    "Compare",
    "CourtLike",
    "Evidence",
    "Judge",
    "JudgeThread",
    "MakeJudge",
    "Memory",
    "Observed",
    "Pace",
    "PairReader",
    "PairSender",
    "Reader",
    "RepeatLimits",
    "Repeats",
    "Runs",
    "Trial",
    "UpstreamAsker",
    "open_channel",
    "unrepeatable",
]
