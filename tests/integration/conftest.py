"""Every test here must leave the machine as it found it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.net import eventually


def _children() -> set[int]:
    """The processes this one has started that are not yet gone."""
    listed = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    return {int(pid) for pid in listed}


@pytest.fixture(autouse=True)
def _nothing_left_behind() -> Iterator[None]:
    threads, children = set(threading.enumerate()), _children()
    yield
    eventually(lambda: set(threading.enumerate()) <= threads, "the end of every thread the test started", 5)
    left = _children() - children
    assert not left, subprocess.run(["ps", "-fp", *map(str, left)], capture_output=True, check=False).stdout.decode()
