"""The judge's part of one core."""

import pytest

from httptee.verdict.judge.pace import Memory, Pace


@pytest.mark.parametrize(("share", "rest"), [(0.25, 0.03), (0.5, 0.01), (1.0, 0.0)])
def test_the_judge_sleeps_in_proportion_to_its_work(share, rest):
    slept = []
    times = iter([0.0, 0.001, 0.01, 0.011])
    pace = Pace(share, lambda: next(times), slept.append)
    assert pace.rest() == pytest.approx(0.001)
    assert slept == []  # too short to sleep for
    assert pace.rest() == pytest.approx(0.009)
    assert slept == [pytest.approx(rest)]
    pace.rest()
    assert len(slept) == 1


def test_memory_is_short_above_its_limit(caplog):
    assert not Memory(1 << 40).short()
    assert Memory(-1 << 40).short()
    assert "it saves what it knows, and ends" in caplog.text
