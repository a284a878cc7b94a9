"""How much B got, of what it may get."""

from __future__ import annotations

import pytest

from bench.programs.load import Outcome
from bench.scenarios.stores import catchup


def even(rate: int, seconds: int, first: int = 0) -> catchup.Slices:
    """The slices of a steady rate."""
    return dict.fromkeys(range(first, first + 20 * seconds), (rate // 20, 0))


def test_b_may_get_twice_the_highest_second_of_the_live_load() -> None:
    found = catchup.highest(even(1000, 20), even(1900, 18, first=40))
    assert (found.got, found.cap) == (1900, 2000)
    assert found.share == 0.95


def test_the_highest_half_second_is_found_wherever_it_begins() -> None:
    b = even(900, 18, first=40)
    for at in range(203, 213):
        b[at] = (100, 0)
    found = catchup.highest(even(500, 20), b)
    assert (found.share, found.at) == (2.0, pytest.approx(203 * 0.05))


def test_without_a_load_b_may_get_a_hundred_in_a_second() -> None:
    assert catchup.highest({}, even(100, 5)).share == 1.0


def test_a_live_rate_of_long_ago_allows_nothing() -> None:
    found = catchup.highest(even(1000, 2), even(400, 2, first=20 * 30))
    assert (found.share, found.cap) == (4.0, 100)


def test_the_table_says_how_the_backlog_went() -> None:
    found = {catchup.LEVEL: Outcome(100, 1.0, 1.0, 10.0, 0), catchup.BEHIND: Outcome(90, 1.0, 1.0, 11.0, 0)}
    end = {"level": 12.0, "left": 3, "sent": 1000, "cpu": 70.0, "got": 3900.0, "cap": 4000.0, "worst": 0.975,
           "looks": 9, "wrong": 1, "failed": 0, "dropped": 0, "unaccounted": 2}  # fmt: skip
    made = catchup.catchup_table(found, end)
    assert "backlog gone after 12 s, 3 clones left at the end; 1,000 from the spool, 70 µs" in made["cells"][1][6]
    assert "3,900/s of 4,000 (0.97); ledger exact in 8 of 9 looks, 2 from A's" in made["cells"][1][6]
    assert catchup.worst({"tables": [made]}) == 0.975
    assert catchup.never_level({"tables": [made]}) == 3
