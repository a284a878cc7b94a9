"""slowhttptest in its three modes: others get every answer meanwhile, and nothing of it is left afterwards."""

from __future__ import annotations

import re
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.backend import Backend, deterministic
from tests.support.load import Load
from tests.support.net import PATIENCE, eventually, require
from tests.support.process import clean_environment
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.wire import Request

pytestmark = [pytest.mark.integration, pytest.mark.alone]

SLOW = 100
WORKERS = 2
SECONDS = 3
MODES = {
    "headers": ["-H", "-i", "1"],
    "body": ["-B", "-i", "1", "-s", "100000"],
    "reading": ["-X", "-n", "1", "-w", "512", "-y", "1024", "-z", "32"],
}


def application(request: Request) -> bytes:
    """Something large to read slowly, and the usual answers."""
    return response(body=bytes(5_000_000)) if request.target == "/large" else deterministic(request)


def connections(tee: Tee) -> int:
    """How many connections the tee has with clients."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[1].endswith(f":{tee.port:04X}") and fields[9] != "0" and fields[3] != "0A" for fields in lines)


def descriptors(tee: Tee) -> int:
    """How many descriptors its processes have, those of idle connections to A and B aside."""
    count = 0
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    upstream = {f"socket:[{fields[9]}]" for fields in lines if not fields[1].endswith(f":{tee.port:04X}")}
    for pid in tee.program.group():
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                count += str(each.readlink()) not in upstream
    return count


def steady(tee: Tee) -> int:
    """How many descriptors its processes have; 0 while the number changes."""
    before = descriptors(tee)
    time.sleep(0.5)
    return before if descriptors(tee) == before else 0


def all_serve(tee: Tee) -> bool:
    """Whether each worker process waits for connections. The first one may answer long before the last one does."""
    waiting = 0
    for pid in tee.program.group():
        links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()]
        waiting += "anon_inode:[eventfd]" in links and links.count("anon_inode:[eventpoll]") > 0
    return waiting == WORKERS


@pytest.mark.parametrize("mode", MODES)
def test_slowhttptest_changes_nothing_for_others_and_leaves_nothing_behind(mode: str) -> None:
    program = require("slowhttptest")
    with (
        Backend(application) as a,
        Backend(application) as b,
        Tee("-a", a.url, "-b", b.url, "-processes", str(WORKERS), "-b.max-body", "1000000") as tee,
    ):
        with Load(tee.port, 2) as load:
            eventually(lambda: load.answered > 20)
        eventually(lambda: connections(tee) == 0)
        eventually(lambda: all_serve(tee), "all worker processes")
        before = eventually(lambda: steady(tee), "a number of descriptors that stays")
        command = [program, *MODES[mode], "-c", str(SLOW), "-r", "100", "-l", str(SECONDS), "-p", str(int(PATIENCE)),
                   "-u", f"{tee.url}/{'large' if mode == 'reading' else ''}"]  # fmt: skip
        with (
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean_environment()
            ) as slow,
            Load(tee.port, 4) as load,
        ):
            try:
                eventually(lambda: connections(tee) >= SLOW, "the slow clients")
                answered = load.answered
                eventually(lambda: load.answered > answered + 20, "answers to others beside the slow clients")
                output, _ = slow.communicate(timeout=PATIENCE)
            finally:
                slow.kill()
        assert b"service available:   YES" in strip_colors(output), output.decode()
        assert load.troubles == []
        eventually(lambda: connections(tee) == 0, "the end of all connections")
        # And two for each worker: the set in which it waits for B's answers, from its first clone on, and the one for
        # clients that take nothing.
        eventually(lambda: descriptors(tee) <= before + 2 * WORKERS, "as many descriptors as before")
        (ledger,) = tee.stop()
        assert ledger.seen == ledger.delivered + ledger.failed + ledger.dropped
        assert ledger.in_flight == 0


def strip_colors(output: bytes) -> bytes:
    """What a program has printed, without the escapes for a terminal."""
    return re.sub(rb"\x1b\[[0-9;]*m", b"", output)
