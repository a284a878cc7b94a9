"""Every test here must leave the machine as it found it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.net import eventually
from tests.support.standing import Standing


def _children() -> set[int]:
    """The processes this one has started that are not yet gone."""
    listed = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    return {int(pid) for pid in listed}


@pytest.fixture(scope="module")
def standing() -> Iterator[Standing]:
    """The tees that several tests of a module use, one after the other."""
    with Standing() as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_left_behind(standing: Standing) -> Iterator[None]:
    threads, children = set(threading.enumerate()), _children()
    yield
    stay = threads | standing.threads()
    eventually(lambda: set(threading.enumerate()) <= stay, "the end of every thread the test started", 5)
    left = _children() - children - standing.pids()
    assert not left, subprocess.run(["ps", "-fp", *map(str, left)], capture_output=True, check=False).stdout.decode()
