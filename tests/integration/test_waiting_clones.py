"""Clones that wait for a healthy B are not lost, and what they hold has a bound."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.net import eventually
from tests.support.programs import hey, nginx
from tests.support.scripted import ScriptedServer
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

MB = 1024 * 1024
SLACK = 24 * MB  # what one worker process may grow by beside its clones: 16 MB unused, buffers, threads


def resident(tee: Tee) -> int:
    """Bytes that all processes of a tee have in memory."""
    pages = 0
    for pid in tee.program.group():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def stopped(root: Path) -> Iterator[None]:
    """Stop every process of the nginx below `root`, and let it run again at the end."""
    group = int((root / "nginx.pid").read_text())
    os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(group, signal.SIGCONT)


def test_a_b_that_is_stopped_for_a_moment_loses_no_clone(tmp_path: Path) -> None:
    """At least 0.8 s, and long enough for more clones than the Go program's queue and all connections hold."""
    first, requests, waiting = 320, 32_000, 4000  # hey sends the same number on each connection
    with nginx(tmp_path / "a") as a, nginx(tmp_path / "b") as b, ThreadPoolExecutor(1) as pool:
        ends = [f"-{side}=http://127.0.0.1:{port}" for side, port in (("a", a), ("b", b))]
        with Tee(*ends, "-processes", "2", "-b.timeout", "30000") as tee:
            assert hey(f"{tee.url}/nothing", first, "-c", "32") == {204: first}
            before = resident(tee)
            load = pool.submit(hey, f"{tee.url}/nothing", requests, "-c", "32")
            eventually(lambda: tee.ledger().delivered > 2000, "load")
            with stopped(tmp_path / "b"):
                until = time.monotonic() + 0.8
                eventually(lambda: tee.ledger().in_flight >= waiting, "clones that wait")
                time.sleep(max(0.0, until - time.monotonic()))
                assert resident(tee) - before < 64 * MB
            assert load.result() == {204: requests}
            (ledger,) = tee.settled(first + requests)
            assert (ledger.delivered, ledger.failed, ledger.dropped) == (first + requests, 0, 0)
            eventually(lambda: resident(tee) - before < 2 * SLACK, "the memory given back")


def test_clones_with_long_heads_hold_no_more_than_the_budget() -> None:
    """As lists of fields, the heads that fit into the budget take several times of it."""
    fields = [(f"X-{number}", "x" * 100) for number in range(500)]
    options = ["-b.timeout", "600000", "-b.breaker-failures", "0", "-processes", "1"]

    def ask(port: int) -> None:
        with RawClient(port) as client:
            for _ in range(200):
                assert client.ask(headers=fields).status == 200

    with Backend() as a, ScriptedServer(scripts.blackhole()) as b, Tee("-a", a.url, "-b", b.url, *options) as tee:
        with RawClient(tee.port) as client:
            client.ask()
        before = resident(tee)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(ask, [tee.port] * 8))
        ledger = tee.ledger()
        assert ledger.drops["over_budget"] > 0
        assert ledger.dropped == ledger.drops["over_budget"]
        grown = resident(tee) - before
        assert 50 * MB < grown < 64 * MB + SLACK
        b.stop()
        assert tee.settled(1601)[0].dropped == ledger.dropped
        eventually(lambda: resident(tee) - before < SLACK, "the memory given back")


def test_a_body_larger_than_what_is_held_in_memory_goes_to_a_b_that_takes_it() -> None:
    body = bytes(range(256)) * 12_000  # 3 MB
    limits = ["-b.max-bytes", str(16 * MB), "-processes", "1"]
    with Backend() as a, Backend() as b, Backend() as other:
        large, small = f"{b.url} max-body=4000000", f"{other.url} max-body=2000000"
        with Tee("-a", a.url, "-b", large, "-b", small, *limits) as tee, RawClient(tee.port) as client:
            for _ in range(3):
                assert client.ask("PUT", "/", body=body).status == 200
            assert tee.settled(3)[0].delivered == 3
            assert tee.ledgers()[1].drops == {"too_large": 3}
        assert [request.body for request in b.requests] == [body] * 3
        assert a.bodies() == b.bodies()
