"""Which acts the demo runs."""

import pytest

from httptee.commands.demo import command


@pytest.mark.parametrize(("first", "second", "status", "acts"), [(0, 0, 0, 2), (0, 1, 1, 2), (1, 0, 1, 1)])
def test_the_second_act_follows_a_first_one_that_went_well(first, second, status, acts, monkeypatch):
    played = []
    monkeypatch.setattr(command, "run_first_act", lambda: played.append("first") or first)
    monkeypatch.setattr(command, "run_second_act", lambda: played.append("second") or second)
    assert command.run_demo_command(["--demo"]) == status
    assert len(played) == acts
