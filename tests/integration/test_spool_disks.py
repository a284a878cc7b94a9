"""Disks that are too small, read-only or full. They are mounted, which root may."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.disks import fill, small_disk
from tests.support.net import eventually, free_port
from tests.support.tee import Tee

from .test_spool import SLOW, level, numbers, post, spooled, spooling, statement, write

pytestmark = pytest.mark.integration

LARGE, MANY = 256 * 1024, 20  # bytes, and so many of them: more than the disk holds


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, in the place of the spool."""
    with small_disk(tmp_path / "spool") as path:
        yield path


def test_a_disk_that_is_too_small_loses_only_what_is_counted(tmp_path: Path, disk: Path) -> None:
    port = free_port()
    words = ("-b", f"http://127.0.0.1:{port} name=b", "-b.spool", str(disk), "-b.spool.min-free", "0")
    with Backend() as a:
        with Tee("-a", a.url, *words, "-processes", "2") as tee, RawClient(tee.port) as client:
            for _ in range(MANY):
                assert client.ask("POST", "/write", body=bytes(LARGE)).status == 200
            eventually(lambda: statement(tee).seen == MANY, "the clones")
        (last,) = tee.final
        assert set(last.drops) == {"spool_full"}
        assert last.spooled + last.dropped == last.seen == len(a.requests) == MANY
        assert 0 < last.spooled < (1 << 20) / LARGE
        with Backend(port=port) as b, Tee("-a", a.url, *words) as tee:
            eventually(lambda: statement(tee).recovered, "what was stored", SLOW)
            one = level(tee)
            assert one.recovered == one.delivered == len(b.requests) == last.spooled
            assert all(len(request.body) == LARGE for request in b.requests)


def test_a_read_only_disk_neither_refuses_the_start_nor_loses_what_the_memory_holds(tmp_path: Path, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with spooling(tmp_path) as (tee, port):
        write(tee, 0, 50)
        spooled(tee, 50)
        with Backend(port=port) as b:
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            assert level(tee).delivered == 50
            assert numbers(b) == list(range(50))


def test_a_full_disk_without_a_cursor_is_drained(tmp_path: Path, disk: Path) -> None:
    port = free_port()
    words = ("-b", f"http://127.0.0.1:{port} name=b", "-b.spool", str(disk), "-b.spool.min-free", "0")
    with Backend() as a:
        with Tee("-a", a.url, *words) as tee, RawClient(tee.port) as client:
            post(client, range(50))
            spooled(tee, 50)
        for cursor in disk.rglob("*.cursor"):
            cursor.unlink()
        fill(disk)
        with Backend(port=port) as b, Tee("-a", a.url, *words) as tee:
            eventually(lambda: statement(tee).recovered == 50, "what was stored", SLOW)
            assert level(tee).delivered == 50
            assert sorted(numbers(b)) == list(range(50))
