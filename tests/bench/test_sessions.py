"""The arrangement of sessions holds for every program of a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.programs.load import CASES, Load
from bench.programs.processes import Process, finish
from bench.programs.sessions import Sessions, names
from bench.programs.workspace import Workspace

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
OWN_SESSION = [sys.executable, "-c", "import os; print(os.getsid(0))"]
BOTH = pytest.mark.parametrize("sessions", Sessions)


def session_of(process: Process) -> int:
    return os.getsid(process.group)


@BOTH
def test_a_program_has_its_own_group_and_the_session_of_its_arrangement(sessions: Sessions) -> None:
    with Workspace(sessions) as workspace, workspace.started("sleep", SLEEP) as process:
        assert os.getpgid(process.group) == process.group != os.getpgrp()
        assert session_of(process) == (process.group if sessions is Sessions.OWN else os.getsid(0))


@BOTH
def test_a_program_that_is_waited_for_has_the_session_of_its_arrangement(sessions: Sessions) -> None:
    same = int(finish(OWN_SESSION, 30, sessions)) == os.getsid(0)
    assert same == (sessions is Sessions.ONE)


@BOTH
def test_the_load_has_the_session_of_its_arrangement(
    sessions: Sessions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = tmp_path / "session"
    wrk = tmp_path / "wrk"
    wrk.write_text(f"#!{sys.executable}\nimport os\nopen({str(seen)!r}, 'w').write(str(os.getsid(0)))\n"
                   "print('RESULT 1 1 1 1 0')\n")  # fmt: skip
    wrk.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    Load("wrk", tmp_path, sessions).run("http://127.0.0.1:1", CASES["get"], 1, 1)
    assert (int(seen.read_text()) == os.getsid(0)) == (sessions is Sessions.ONE)


def test_the_arrangements_are_named() -> None:
    assert names(list(Sessions)) == "one and own"
    assert {each.title for each in Sessions} == {"all programs in one session", "each program in its own session"}
