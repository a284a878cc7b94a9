"""The bench with real programs: the arrangement of their sessions, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.programs import measure
from bench.programs.processes import ROOT
from bench.programs.sessions import Sessions
from bench.programs.subjects import choose, running
from bench.scenarios.rounds import stages
from tests.support.net import eventually, require

pytestmark = pytest.mark.integration


def test_a_and_b_and_the_tee_with_its_workers_are_arranged() -> None:
    require("nginx")
    require("wrk")
    (httptee,) = choose(["httptee"], [])
    with stages(list(Sessions), "wrk") as (one, own):
        for stage in (one, own):
            with running(stage.workspace, httptee, stage.a.port, stage.b.port) as tee:
                assert tee.process is not None
                programs = [stage.a.process, stage.b.process, tee.process]
                found = [{os.getsid(pid) for pid in measure.members(each.group)} for each in programs]
                if stage is one:
                    assert found == [{os.getsid(0)}] * 3
                else:
                    assert found == [{each.group} for each in programs]


def test_sigint_ends_all_programs_of_a_run_also_a_stopped_one(tmp_path: Path) -> None:
    words = ["memory", "--kinds", "wide", "--number", "300", "--json", str(tmp_path / "result.json")]
    bench = subprocess.Popen(
        [sys.executable, "-m", "bench", *words], cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def children() -> dict[int, str]:
        everything = {int(each): measure.stat_fields(int(each)) for each in os.listdir("/proc") if each.isdigit()}
        return {pid: fields[0] for pid, fields in everything.items() if fields and int(fields[1]) == bench.pid}

    try:
        eventually(lambda: "T" in children().values(), "a program that is stopped", 60)
        groups = list(children())
        bench.send_signal(signal.SIGINT)
        assert bench.wait(60) == 130
    finally:
        bench.kill()
        bench.wait()
    assert len(groups) == 3
    assert [measure.members(group) for group in groups] == [{}] * 3
    assert list(tmp_path.iterdir()) == []
