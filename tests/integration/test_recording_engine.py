"""A recording that goes to an engine: what A was asked arrives there, whatever happens to the engine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.load import Load
from tests.support.net import PATIENCE, eventually, free_port
from tests.support.process import clean_environment
from tests.support.redis_server import RedisServer
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

CLIENTS = 20


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def a() -> Iterator[Backend]:
    with Backend() as backend:
        yield backend


def httptee(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "httptee", *words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def verified(address: str) -> str:
    """What is said of the recording in a topic."""
    found = httptee("recording", "verify", address)
    assert "Traceback" not in found.stderr
    return found.stdout + found.stderr


def send(port: int, count: int, start: int = 0) -> None:
    """`count` requests, each with its own number, from clients that keep their connections."""

    def one(client: int) -> None:
        with RawClient(port) as connection:
            for number in range(start + client, start + count, CLIENTS):
                assert connection.ask(target=f"/{number}").status == 200

    threads = [threading.Thread(target=one, args=(client,)) for client in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class RecordingTee(Tee):
    """A tee with an admin listener."""

    def __init__(self, a: Backend, address: str, *more: str, processes: str = "2") -> None:
        self.admin = free_port()
        words = ("-processes", processes, "-admin", f"127.0.0.1:{self.admin}", "-record", address)
        super().__init__("-a", a.url, *words, *more)


def said(tee: RecordingTee) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(tee.admin, target="/status").body)["recording"]
    return found


def balanced(tee: RecordingTee, **wanted: int) -> dict[str, Any]:
    """The counts of the recording, once all of it is shipped, waiting or lost, and those have these values."""

    def probe() -> dict[str, Any] | None:
        found = said(tee)
        shipped = found["shipped"]
        accounted = shipped["shipped"] + shipped["waiting"] + shipped["lost"] == shipped["left"] + found["recorded"]
        settled = found["seen"] == found["recorded"] + found["not_recorded"]
        return found if settled and accounted and all(shipped[name] == n for name, n in wanted.items()) else None

    return eventually(probe, f"a recording of which {wanted}")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_each_request_is_in_the_topic_once(a: Backend, redis: RedisServer, processes: str) -> None:
    address = redis.address("traffic")
    with RecordingTee(a, address, processes=processes) as running:
        send(running.port, 5000)
        found = balanced(running, shipped=5000, waiting=0)
        assert found["directory"] == f"redis://127.0.0.1:{redis.port}/traffic"
        assert found["shipped"]["error"] == ""
        metrics = ask(running.admin, target="/metrics").body.decode()
        assert "httptee_recording_shipped_total 5000.0" in metrics
        assert "httptee_recording_shipping_failing 0.0" in metrics
    assert re.search(r"recording seen=5\d\d\d recorded=\d+ .* shipped=\d+ outbox=0 lost=0", running.program.output)
    assert ": whole, 5,0" in verified(address)
    shown = httptee("recording", "convert", address, "--as", "vegeta", "-")
    targets = [json.loads(line)["url"] for line in shown.stdout.splitlines()]
    paths = {target.rpartition("/")[2] for target in targets}
    assert {str(number) for number in range(5000)} <= paths
    assert len([target for target in targets if target.rpartition("/")[2].isdigit()]) == 5000


def test_an_engine_that_is_killed_and_stopped_costs_the_clients_nothing_and_gets_everything(
    a: Backend, redis: RedisServer, tmp_path: Path
) -> None:
    address = redis.address("traffic")
    with (
        RecordingTee(a, address, "-outbox", str(tmp_path / "outbox")) as running,
        Load(running.port, clients=4) as load,
    ):
        for disturb, mend in ((redis.kill, redis.start), (redis.pause, redis.proceed), (redis.stop, redis.start)):
            before = said(running)["shipped"]["shipped"]
            eventually(lambda before=before: said(running)["shipped"]["shipped"] > before)
            disturb()
            eventually(lambda: said(running)["shipped"]["error"])
            recorded = said(running)["recorded"]
            eventually(lambda recorded=recorded: said(running)["recorded"] > recorded + 100)
            mend()
            eventually(lambda: not said(running)["shipped"]["error"])
        load.stop()
        assert load.troubles == []
        found = balanced(running, waiting=0, lost=0)
    assert re.search(r"nothing is shipped: .*; it waits, and it is tried again", running.program.output)
    assert "it is shipped again" in running.program.output
    assert found["recorded"] >= load.answered
    assert ": whole, " in verified(address)


def test_what_the_outbox_loses_is_counted_and_named_with_its_interval(
    a: Backend, redis: RedisServer, tmp_path: Path
) -> None:
    address = redis.address("traffic")
    limits = ("-outbox", str(tmp_path / "outbox"), "-record.max-bytes", "600k", "-record.min-free", "0")
    with RecordingTee(a, address, *limits) as running:
        send(running.port, 1000)
        balanced(running, waiting=0)
        redis.kill()
        start = 1000
        while not said(running)["shipped"]["lost"]:
            send(running.port, 1000, start)
            start += 1000
        balanced(running)
        redis.start()
        found = balanced(running, waiting=0)
        lost = found["shipped"]["lost"]
        assert sum(gap["lost"] for gap in found["shipped"]["gaps"]) == lost
    shown = verified(address)
    named = re.findall(r"missing .*: ([\d,]+) exchanges?, removed from the outbox", shown)
    assert sum(int(number.replace(",", "")) for number in named) == lost
    count = int(re.search(r"not whole, ([\d,]+) exchanges", shown)[1].replace(",", ""))  # type: ignore[index]
    assert count + lost >= start


def test_what_waits_at_the_end_is_sent_after_the_next_start(a: Backend, redis: RedisServer, tmp_path: Path) -> None:
    address, outbox = redis.address("traffic"), tmp_path / "outbox"
    redis.kill()
    with RecordingTee(a, address, "-outbox", str(outbox)) as running:
        send(running.port, 500)
        balanced(running, shipped=0)
    assert list((outbox / "recording").glob("*.out"))
    redis.start()
    with RecordingTee(a, address, "-outbox", str(outbox)) as running:
        ask(running.port, target="/one-more")
        found = balanced(running, waiting=0)
        assert found["shipped"]["left"] >= 500
    assert not list((outbox / "recording").glob("*.out"))
    assert ": whole, " in verified(address)


def recording_process(tee: Tee) -> int:
    """Its number, or 0 if there is none."""
    words = ["ps", "-o", "pid=,args=", "--ppid", str(tee.program.pid)]
    lines = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    return next((int(line.split()[0]) for line in lines if "recording" in line), 0)


def test_a_recording_process_that_is_killed_ships_nothing_twice_and_loses_nothing(
    a: Backend, redis: RedisServer
) -> None:
    address = redis.address("traffic")
    with RecordingTee(a, address) as running:
        for start in range(0, 3000, 1000):
            send(running.port, 1000, start)
            os.kill(eventually(lambda: recording_process(running), "a recording process"), signal.SIGKILL)
        send(running.port, 1000, 3000)
        found = balanced(running, waiting=0, lost=0)
        assert found["shipped"]["shipped"] == found["recorded"]
    assert f": whole, {found['recorded']:,}" in verified(address)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("redis://me:secret@h/t", "password-file=FILE"),
        ("redis://h", "expected a topic"),
        ("redis://h/t?password-file=/nowhere/x", "/nowhere/x"),
        ("redis://h/t?shards=3", "expected one of"),
    ],
)
def test_an_address_that_is_wrong_stops_the_start_in_one_line(address: str, says: str) -> None:
    found = httptee("-a", "127.0.0.1:1", "-record", address)
    assert found.returncode == 2
    assert says in found.stderr
    assert "secret@" not in found.stderr
    assert len(found.stderr.splitlines()) <= 2


def test_a_topic_that_cannot_be_read_is_said_in_one_line(redis: RedisServer) -> None:
    for address, says in (
        (redis.address("nothing"), "there is no recording in this topic"),
        ("redis://127.0.0.1:1/topic", "refused"),
    ):
        found = httptee("recording", "ls", address)
        assert found.returncode == 2
        assert says in found.stderr
        assert len(found.stderr.splitlines()) == 1


def test_an_engine_that_is_full_costs_the_clients_nothing_and_gets_the_rest_once_it_has_room(
    a: Backend, redis: RedisServer
) -> None:
    address = redis.address("traffic")
    with RecordingTee(a, address) as running:
        send(running.port, 500)
        balanced(running, waiting=0)
        redis.ask("CONFIG", "SET", "maxmemory", "1mb")
        send(running.port, 1000, 500)
        eventually(lambda: "no memory" in said(running)["shipped"]["error"], "an engine that is full")
        assert "httptee_recording_shipping_failing 1.0" in ask(running.admin, target="/metrics").body.decode()
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        found = balanced(running, waiting=0, lost=0)
    assert f": whole, {found['recorded']:,} exchanges" in verified(address)


def test_a_reload_goes_on_with_the_same_outbox_and_the_same_counts(a: Backend, redis: RedisServer) -> None:
    address = redis.address("traffic")
    with RecordingTee(a, address) as running, Load(running.port, clients=4) as load:
        for _ in range(2):
            mark = running.program.mark()
            running.program.send_signal(signal.SIGHUP)
            running.program.wait_for_line("reloaded: ", after=mark)
        load.stop()
        assert load.troubles == []
        found = balanced(running, waiting=0, lost=0)
        assert found["shipped"]["shipped"] == found["recorded"] >= load.answered
    assert f": whole, {found['recorded']:,} exchanges" in verified(address)


def test_under_another_server_a_topic_is_refused_in_one_line() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "waitress", "--listen=127.0.0.1:0", "httptee.wsgi:application"],
        env=clean_environment({"HTTPTEE_RECORD": "redis://127.0.0.1:1/traffic"}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert found.returncode
    assert "-record: what records into a topic is a process of the tee" in found.stderr + found.stdout
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("processes", ["1", "2"])
def test_what_is_left_in_a_temporary_outbox_is_kept_and_sent_by_the_next_start(
    a: Backend, redis: RedisServer, processes: str
) -> None:
    address = redis.address("traffic")
    redis.kill()
    with RecordingTee(a, address, processes=processes) as running:
        send(running.port, 300)
    (found,) = re.findall(r"300 records are left in (\S+): -outbox \S+ sends them", running.program.output)
    redis.start()
    with RecordingTee(a, address, "-outbox", found, processes=processes) as running:
        ask(running.port, target="/one-more")
        assert balanced(running, waiting=0)["shipped"]["left"] == 300
    assert ": whole, 301 exchanges" in verified(address)
    shutil.rmtree(found)
    with RecordingTee(a, address, processes=processes) as running:
        ask(running.port, target="/one-more")
    assert "are left in" not in running.program.output


def test_a_tee_of_one_process_begins_to_ship_at_its_next_start(a: Backend, redis: RedisServer, tmp_path: Path) -> None:
    ini = tmp_path / "httptee.ini"
    ini.write_text(f"record = {tmp_path / 'files'}\n")
    with Tee("-a", a.url, "-processes", "1", "-config", str(ini)) as tee:
        ini.write_text(f"record = {redis.address('traffic')}\n")
        mark = tee.program.mark()
        tee.program.send_signal(signal.SIGHUP)
        tee.program.wait_for_line("a recording in an engine needs a restart: .*files stays", after=mark)
        tee.program.wait_for_line("reloaded", after=mark)
        assert ask(tee.port, "GET", "/").status == 200
    with Tee("-a", a.url, "-processes", "1", "-config", str(ini)) as tee:
        assert ask(tee.port, "GET", "/").status == 200
    assert "whole, 1 exchange" in verified(redis.address("traffic"))
