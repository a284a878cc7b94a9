"""The counts in the bench of a recording."""

from bench.__main__ import arguments
from bench.scenarios.recording.record import CONDITIONS, uncounted

SAID = {"seen": 10, "recorded": 7, "not_recorded": 3}


def test_counts_that_agree_are_right_and_others_are_named():
    assert uncounted(SAID, 7) == ""
    assert uncounted(SAID | {"seen": 11}, 7) == "11 seen, 7 recorded, 3 not recorded"
    assert uncounted(SAID, 6) == "7 recorded, 6 in the files"


def test_a_row_says_what_it_was_measured_under():
    assert CONDITIONS[1].cells == ["100 %", "32"]
    assert len({condition.key for condition in CONDITIONS}) == len(CONDITIONS)


def test_a_run_has_pairs_of_windows():
    options = arguments().parse_args(["record", "--connections", "32"])
    assert (options.windows, options.connections) == (3, 32)
