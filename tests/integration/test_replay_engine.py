"""A recording in a topic, replayed by one and by several: each request is sent once, and there is one report."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_recording_engine import RecordingTee, balanced, httptee, send
from tests.support.backend import Backend
from tests.support.net import eventually
from tests.support.process import Program
from tests.support.redis_server import RedisServer
from tests.support.scripts import response

pytestmark = pytest.mark.integration

REQUESTS = 5000


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def address(redis: RedisServer) -> str:
    """5,000 requests that a tee with two worker processes has recorded."""
    found = redis.address("traffic")
    with Backend() as a, RecordingTee(a, found) as running:
        send(running.port, REQUESTS)
        balanced(running, waiting=0, lost=0)
    return found


def targets(backend: Backend) -> Counter[str]:
    """How often each of the numbered targets was asked for."""
    counts: Counter[str] = Counter()
    for (_, target, _), count in backend.bodies().items():
        if target[1:].isdigit():
            counts[target] += count
    return counts


def members(address: str, backend: Backend, count: int, *words: str, group: str = "night") -> list[Program]:
    own = ("--group", group, "--members", str(count), "--max", "--json", *words)
    return [
        Program([sys.executable, "-m", "httptee", "replay", address, "--to", backend.url, *own]) for _ in range(count)
    ]


def ended(programs: Sequence[Program], code: int | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """What they print as JSON, and everything they print. The one that reports is first."""
    outputs = [program.wait(code=code) for program in programs]
    assert all("Traceback" not in output for output in outputs), outputs
    outputs.sort(key=lambda output: "member 1 reports for all" in output)
    return [json.loads(re.search(r"^\{.*^\}", output, re.M | re.S)[0]) for output in outputs], outputs  # type: ignore[index]


def test_one_replays_all_of_a_topic_as_often_as_wanted(address: str) -> None:
    for _ in range(2):
        with Backend() as backend:
            found = httptee("replay", address, "--to", backend.url, "--max", "--json")
            assert "Traceback" not in found.stderr
            figures = json.loads(found.stdout)["replay"]
            assert targets(backend) == {f"/{number}": 1 for number in range(REQUESTS)}
            assert figures["recorded"] == figures["sent"] == sum(figures["statuses"].values()) >= REQUESTS
            assert figures["gaps"] == []


def test_three_members_share_a_topic_and_there_is_one_report(address: str) -> None:
    with Backend() as backend:
        found, outputs = ended(members(address, backend, 3))
        whole, *parts = (one["replay"] for one in found)
        assert targets(backend) == {f"/{number}": 1 for number in range(REQUESTS)}
    assert sum("member 1 reports for all" in output for output in outputs) == 2
    assert whole["recorded"] == whole["sent"] == sum(whole["statuses"].values()) >= REQUESTS
    assert whole["from_send"]["count"] == whole["sent"]
    assert 0 < sum(part["sent"] for part in parts) < whole["sent"]
    assert found[0]["word"] in ("YES", "NOT YET")
    (report,) = found[0]["reports"]
    assert report["word"] == found[0]["word"]


def test_the_verdict_is_that_over_all_members(address: str) -> None:
    def broken(request: Any) -> bytes:
        number = request.target[1:]
        return response(body=b"other" if number.isdigit() and int(number) % 2 else b"")

    with Backend(broken) as backend:
        found, _ = ended(members(address, backend, 2, group="verdict"))
        alone = json.loads(httptee("replay", address, "--to", backend.url, "--max", "--json").stdout)
    assert found[0]["word"] == alone["word"]
    whole, part, single = (
        {
            route["route"]: (route["judged"], route["equal"], route["unexplained"])
            for route in one["reports"][0]["routes"]
        }
        for one in (*found, alone)
    )
    assert whole == single
    assert whole != part
    assert sum(judged - equal for judged, equal, _ in whole.values()) >= REQUESTS


def test_a_pace_is_shared_and_all_begin_together(address: str) -> None:
    with Backend() as backend:
        programs = [
            Program([
                sys.executable, "-m", "httptee", "replay", address, "--to", backend.url, "--group", "pace",
                "--members", "2", "--rate", "2000/s", "--limit", "1000", "--json",
            ])
            for _ in range(2)
        ]  # fmt: skip
        found, _ = ended(programs)
    whole = found[0]["replay"]
    assert whole["sent"] == 1000
    assert 0.4 < whole["seconds"] < 3


def test_a_member_that_is_killed_is_missing_in_the_report(address: str) -> None:
    with Backend() as backend:
        own = ("--group", "killed", "--members", "2", "--speed", "0.02", "--json")
        words = [sys.executable, "-m", "httptee", "replay", address, "--to", backend.url, *own]
        programs = [Program(words) for _ in range(2)]
        eventually(lambda: all(" of 2 of the group killed" in program.output for program in programs))
        first = next(program for program in programs if "member 1 of 2" in program.output)
        second = next(program for program in programs if program is not first)
        eventually(lambda: len(backend.requests) > 100)
        second.stop(signal.SIGKILL, code=None)
        first.send_signal(signal.SIGINT)
        output = first.wait(code=130)
    figures = json.loads(re.search(r"^\{.*^\}", output, re.M | re.S)[0])["replay"]  # type: ignore[index]
    assert figures["recorded"] >= REQUESTS
    counted = figures["sent"] + sum(figures["filtered"].values()) + sum(figures["failed"].values())
    assert figures["recorded"] == counted + figures["unreached"] + figures["damaged"]
    assert figures["died"] == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--members", "2"), "--group NAME and --members N go together"),
        (("--group", "x", "--members", "99"), "more than the 16 partitions"),
        (("--group", "x", "--members", "2", "--loop", "3"), "cannot share --loop"),
        (("--group", "a b", "--members", "2"), "--group must be a name"),
    ],
)
def test_words_that_members_cannot_have_are_refused(words: tuple[str, ...], says: str) -> None:
    found = httptee("replay", "redis://127.0.0.1:1/t", "--to", "http://127.0.0.1:1", *words)
    assert found.returncode == 2
    assert says in found.stderr


def test_what_was_removed_from_the_topic_by_hand_is_a_gap_with_its_interval(redis: RedisServer, tmp_path: Path) -> None:
    address = redis.address("trimmed")
    with Backend() as a, RecordingTee(a, address) as running:
        send(running.port, 1000)
        found = balanced(running, waiting=0)
    for partition in range(16):
        redis.ask("XTRIM", f"{{trimmed}}:{partition}", "MAXLEN", 20)
    shown = httptee("recording", "verify", address)
    assert shown.returncode == 1
    assert re.search(r"missing up to [-\d]+ [:.\d]+: \d+ exchanges, gone from the topic", shown.stdout)
    gone = [int(number) for number in re.findall(r"(\d+) exchanges?, gone from the topic", shown.stdout)]
    count = int(re.search(r"not whole, ([\d,]+) exchanges", shown.stdout)[1].replace(",", ""))  # type: ignore[index]
    assert sum(gone) + count >= found["recorded"]
    with Backend() as backend:
        replayed = httptee("replay", address, "--to", backend.url, "--max", "--json")
    assert len(json.loads(replayed.stdout)["replay"]["gaps"]) == len(gone)
