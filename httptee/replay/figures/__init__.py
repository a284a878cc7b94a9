"""What a replay counts and says: histograms, counts that add up, the line of progress, and the report."""

from httptee.replay.figures.progress import standard_progress
from httptee.replay.figures.report import as_dict, kept_up, text
from httptee.replay.figures.tally import Figures, Tally

__all__ = [
    "Figures",
    "Tally",
    "as_dict",
    "kept_up",
    "standard_progress",
    "text",
]
