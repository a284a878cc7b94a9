"""A disk that is frozen."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from bench.errors import NotStartedError
from bench.programs.load import Outcome
from bench.scenarios.stores import disk as disks
from bench.scenarios.stores import frozen
from bench.scenarios.stores.frozen import FROZEN, PLAIN, SPOOL, Stalled


class Frozen:
    """A disk that notes what is done with it."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.is_frozen = threading.Event()

    def freeze(self) -> None:
        self.done.append("freeze")
        self.is_frozen.set()

    def thaw(self) -> None:
        self.done.append("thaw")


def test_the_disk_is_thawed_at_the_end_of_the_block_also_after_an_error() -> None:
    disk = Frozen()

    def fail() -> None:
        with frozen.frozen(disk, 0.0, 1000.0):  # type: ignore[arg-type]
            assert disk.is_frozen.wait(30)
            raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        fail()
    assert disk.done == ["freeze", "thaw"]


def test_a_block_that_ends_early_freezes_nothing() -> None:
    disk = Frozen()
    with frozen.frozen(disk, 1000.0, 1000.0):  # type: ignore[arg-type]
        pass
    assert disk.done == []


def test_a_frozen_disk_is_thawed_once_and_at_the_latest_when_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[int] = []
    monkeypatch.setattr(disks.fcntl, "ioctl", lambda descriptor, what, _: done.append(what))
    disk = disks.Disk(tmp_path)
    disk.freeze()
    disk.close()
    disk.thaw()
    assert done == [disks._FREEZE, disks._THAW]


def test_without_the_rights_the_scenario_says_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "mkfs.ext4"
    tool.write_text("#!/bin/sh\necho no loop device >&2\nexit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with (
        pytest.raises(NotStartedError, match="needs root and loop devices: no loop device"),
        disks.mounted(tmp_path, 1),
    ):
        pass


def test_each_stage_is_compared_with_that_without_a_spool() -> None:
    def one(rate: int, p99: float) -> list[Stalled]:
        return [Stalled(Outcome(rate, 1.0, 500.0, p99, 0), 50_000_000)]

    result = {
        "tables": [frozen.frozen_table({PLAIN: one(1000, 2000.0), SPOOL: one(990, 2100.0), FROZEN: one(960, 2200.0)})]
    }
    assert frozen.compared("rate")(result) == 0.96
    assert frozen.compared("p99")(result) == 1.1
