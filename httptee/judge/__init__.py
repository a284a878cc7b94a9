"""The judge: takes the pairs that differ from the worker processes, has them compared and judged, asks A and B again,
and keeps evidence and reports. One process beside the worker processes, or a thread."""

from httptee.judge.asking import Asking, UpstreamAsker
from httptee.judge.channel import PairReader, PairSender, Reader, open_channel
from httptee.judge.judge import Judge
from httptee.judge.pace import Memory, Pace
from httptee.judge.repeats import RepeatLimits, Repeats
from httptee.judge.thread import JudgeThread, MakeJudge
from httptee.judge.trial import Trial

__all__ = [
    "Asking",
    "Judge",
    "JudgeThread",
    "MakeJudge",
    "Memory",
    "Pace",
    "PairReader",
    "PairSender",
    "Reader",
    "RepeatLimits",
    "Repeats",
    "Trial",
    "UpstreamAsker",
    "open_channel",
]
