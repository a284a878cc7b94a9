"""Several tees keep to one rate of a B, through a real Redis."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from httptee.journal.engines import parse_address
from httptee.processes.rates.meeting import Meeting
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.house import ROOT
from tests.support.net import eventually, free_port
from tests.support.redis_server import RedisServer
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

PROCESSES = pytest.mark.parametrize("processes", ["1", "2"])


@contextmanager
def two_tees(redis: RedisServer, processes: str) -> Iterator[tuple[Tee, Tee, list[int]]]:
    """Two tees with one rate, and the ports of their pages."""
    ports = [free_port(), free_port()]
    with Backend() as a, Backend() as b, ExitStack() as stack:
        tees = [
            stack.enter_context(
                Tee(
                    "--a", a.url, "--b", f"{b.url} name=b rate=1000/h", "--b.rates", redis.address("rates"),
                    "--admin", f"127.0.0.1:{port}", "--processes", processes,
                )
            )
            for port in ports
        ]  # fmt: skip
        yield tees[0], tees[1], ports


def part(port: int) -> float | None:
    """What the page says is this tee's part of B's rate."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status", timeout=10) as answer:
        found: float | None = json.loads(answer.read())["b"][0]["orders"]["rate_part"]
    return found


@PROCESSES
def test_two_tees_share_a_rate_and_each_is_alone_while_the_server_is_down(processes: str, tmp_path: Path) -> None:
    with RedisServer(tmp_path) as redis, two_tees(redis, processes) as (one, other, ports):
        eventually(lambda: [part(port) for port in ports] == [0.5, 0.5], "both to have half", 30.0)
        redis.kill()
        eventually(lambda: [part(port) for port in ports] == [None, None], "both to be alone", 30.0)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/metrics", timeout=10) as answer:
            assert 'httptee_shadow_rate_part{backend="b"} 1.0' in answer.read().decode()
        assert len(re.findall("the rates are not shared: redis://127.0.0.1:[0-9]+/rates: ", one.program.output)) == 1
        redis.start()
        eventually(lambda: [part(port) for port in ports] == [0.5, 0.5], "both to share again", 30.0)
        other.stop()
        eventually(lambda: part(ports[0]) == 1.0, "the one that is left to have all", 30.0)
        assert ask(one.port, "GET", "/").status == 200


def test_a_user_with_the_rights_of_a_topic_may_share_a_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "engines.md").read_text()
    (line,) = re.findall(r"^user tee on >PASSWORD (.*)$", page, re.MULTILINE)
    with RedisServer(tmp_path) as redis:
        words = line.replace("{traffic}", "{rates}").split()
        assert redis.ask("ACL", "SETUSER", "tee", "on", ">sesame", *words) == b"+OK\r\n"
        redis.ask("ACL", "SETUSER", "default", "off")
        monkeypatch.setenv("HTTPTEE_ENGINE_PASSWORD", "sesame")
        meeting = Meeting(parse_address(f"redis://tee@127.0.0.1:{redis.port}/rates"))
        assert meeting.demands("b", 3.0) == [3.0]
        meeting.close()
