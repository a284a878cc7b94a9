"""The access log of a running tee."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, send_raw
from tests.support.net import eventually, refusing_port
from tests.support.tee import Tee, run_tee

pytestmark = pytest.mark.integration


def records(path: Path) -> list[Any]:
    """Every line of a log in JSON."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize("processes", [1, 2])
def test_every_request_has_one_record_with_what_became_of_each_clone(processes: int, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with Backend() as a, Backend() as b, refusing_port() as nobody:
        down = f"http://127.0.0.1:{nobody}"
        arguments = (
            "-a",
            a.url,
            "-b",
            b.url,
            "-b",
            down,
            "--processes",
            str(processes),
            "-b.methods",
            "GET",
            "-b.breaker-failures",
            "0",
        )
        with Tee(*arguments, "--access-log", str(log), "--access-log-format", "json") as tee:
            with RawClient(tee.port) as client:
                for number in range(50):
                    assert client.ask(target=f"/get/{number}").status == 200
                    assert client.ask("POST", f"/post/{number}", body=b"x").status == 200
            assert ask(tee.port, "CONNECT", "a:1").status == 501
            assert send_raw(tee.port, b"GET  / HTTP/1.1\r\n\r\n") is not None
            found = eventually(lambda: records(log) if len(records(log)) == 102 else [], "all records")
        assert len({record["id"] for record in found}) == 102
        by_target = {record["target"]: record for record in found}
        for number in range(50):
            got, posted = by_target[f"/get/{number}"], by_target[f"/post/{number}"]
            assert (got["status"], got["a"]["status"], got["client"]) == (200, 200, "127.0.0.1")
            outcomes = {each.pop("backend"): each for each in got["b"]}
            assert (outcomes[b.url]["outcome"], outcomes[b.url]["status"]) == ("delivered", 200)
            assert (outcomes[down]["outcome"], outcomes[down]["reason"]) == ("failed", "connect")
            assert [each["reason"] for each in posted["b"]] == ["filtered", "filtered"]
        assert sorted(record["refused"] for record in found if record["a"] is None) == [
            "bad_request",
            "connect_not_supported",
        ]
        assert len(records(log)) == 102


def test_clones_still_waiting_at_the_end_are_in_the_last_records(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", b.url, "--access-log", str(log), "--access-log-format", "json") as tee:
            with RawClient(tee.port) as client:
                for _ in range(200):
                    assert client.ask().status == 200
            tee.stop()
        assert [len(record["b"]) for record in records(log)] == [1] * 200


def test_a_log_that_was_moved_away_goes_on_under_its_name(tmp_path: Path) -> None:
    log, old = tmp_path / "access.log", tmp_path / "access.log.1"
    with Backend() as a, Tee("-a", a.url, "--processes", "2", "--access-log", str(log)) as tee:
        assert ask(tee.port, target="/first").status == 200
        eventually(lambda: log.exists() and log.read_text().count('"GET /first HTTP/1.1" 200') == 1, "the first record")
        log.rename(old)

        def rotated() -> bool:
            assert ask(tee.port, target="/later").status == 200
            return log.exists()

        eventually(rotated, "the new file")
    asked = len(a.requests)
    assert old.read_text().count("\n") + log.read_text().count("\n") == asked


def test_the_standard_output_will_do(tmp_path: Path) -> None:
    with Backend() as a, Tee("-a", a.url, "--access-log", "-", "--processes", "2") as tee:
        assert (
            ask(tee.port, target="/x?y=1", headers=[("User-Agent", 'a"b'), ("Authorization", "secret")]).status == 200
        )
        tee.program.wait_for_line(r'^127\.0\.0\.1 - - \[.*\] "GET /x\?y=1 HTTP/1\.1" 200 \d+ "-" "a\\x22b" id=')
        assert "secret" not in tee.program.output


def test_a_log_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path) -> None:
    ended = run_tee("-l", "127.0.0.1:0", "--access-log", str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [f"httptee: cannot write {tmp_path} (-access-log): Is a directory"]


def test_a_full_device_drops_records_and_no_requests() -> None:
    arguments = ("--access-log", "/dev/full", "--processes", "2", "--admin", "127.0.0.1:0")
    with Backend() as a, Tee("-a", a.url, *arguments) as tee:
        port = int(tee.program.wait_for_line(r"Admin listener at \S+:(\d+)$")[0][1])
        for _ in range(20):
            assert ask(tee.port).status == 200
        dropped = b"\nhttptee_log_dropped_total 20.0\n"
        eventually(lambda: dropped in ask(port, target="/metrics").body, "20 dropped records")
        said = tee.program.output.count("cannot write the access log /dev/full: No space left on device")
        assert 1 <= said <= 2
