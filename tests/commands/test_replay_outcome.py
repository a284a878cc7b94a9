from dataclasses import replace

import pytest

from httptee.commands.replay.outcome import status
from httptee.replay.figures import Tally
from httptee.replay.figures.report import LATEST
from tests.replay.figures.test_tally import sent, tally

GOOD = tally(sent()).figures(1, {}, 0, 1.0)
LATE = tally(sent(late=LATEST * 1.1)).figures(1, {}, 0, 1.0)
UNANSWERED = tally(sent("timeout", 0)).figures(1, {}, 0, 1.0)
NOTHING = Tally().figures(1, {"filtered": 1}, 0, 1.0)
DIED = replace(GOOD, died=1)


@pytest.mark.parametrize(
    ("figures", "word", "found"),
    [
        (GOOD, "YES", 0), (GOOD, "NO", 1), (GOOD, "NOT YET", 3), (GOOD, None, 0),
        (LATE, "YES", 3), (LATE, "NO", 3), (LATE, None, 3),
        (DIED, "YES", 3), (DIED, "NO", 1), (DIED, "NOT YET", 3), (DIED, None, 3),
        (UNANSWERED, "NO", 3), (NOTHING, None, 3),
    ],
)  # fmt: skip
def test_the_exit_status(figures, word, found):
    assert status(figures, word, False) == found
    assert status(figures, word, True) == 130
