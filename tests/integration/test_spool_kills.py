"""Kills of single processes while B is down and up in turns; `python -m bench spool-kills` has many more."""

from __future__ import annotations

import pytest

from bench.programs.workspace import Workspace
from bench.scenarios.stores.kills import run_kills

pytestmark = pytest.mark.integration


def test_every_clone_on_the_disk_arrives_whatever_process_is_killed() -> None:
    with Workspace() as workspace:
        found = run_kills(workspace, 5, 6)
    assert all(found.kills.values()), found
    assert found.answered > 50, found
    assert found.looks > 5, found
    assert found.held, found
