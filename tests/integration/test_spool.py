"""B was down: it catches up by itself, nothing is lost on the way, and A does not notice."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.ledger import Ledger, parse
from tests.support.net import eventually, free_port
from tests.support.programs import Influx, influx_query
from tests.support.scripts import response
from tests.support.tee import Tee, run_tee
from tests.support.wire import Request

pytestmark = pytest.mark.integration

MODES = pytest.mark.parametrize("processes", ["1", "2"])
LANE = 1_000_000  # from the first number of one connection to that of the next
SLOW = 60.0  # seconds; a machine that is busy catches up late


def statement(tee: Tee) -> Ledger:
    """The ledger of the only B at this moment."""
    mark = tee.program.mark()
    tee.program.send_signal(signal.SIGUSR1)
    tee.program.wait_for_line(r"\bB \S+ seen=", after=mark)
    one = parse(tee.program.output)[-1]
    one.check()
    return one


def level(tee: Tee) -> Ledger:
    """Wait until nothing is spooled or in flight."""
    eventually(lambda: not (one := statement(tee)).spooled and not one.in_flight, "a B that is level", SLOW)
    return statement(tee)


def spooled(tee: Tee, count: int) -> None:
    """Wait until so many clones are spooled: they are offered when their client has its answer."""
    eventually(lambda: statement(tee).spooled == count, f"{count} spooled clones", SLOW)


def write(tee: Tee, first: int, count: int, target: str = "/write") -> None:
    """Write numbers, on one connection."""
    with RawClient(tee.port) as client:
        post(client, range(first, first + count), target)


def post(client: RawClient, these: Iterable[int], target: str = "/write") -> None:
    """Write numbers on a connection."""
    for number in these:
        assert client.ask("POST", target, body=str(number).encode()).status == 200


def numbers(b: Backend) -> list[int]:
    """What arrived at B, in its order."""
    return [int(request.body) for request in list(b.requests) if request.body]


@contextmanager
def spooling(tmp_path: Path, *words: str, processes: str = "2") -> Iterator[tuple[Tee, int]]:
    """A tee whose B is down, and the port of this B. At the end, the ledger has as many clones as A got requests."""
    port = free_port()
    options = ("-b", f"http://127.0.0.1:{port} name=b", "-b.spool", str(tmp_path / "spool"), "-processes", processes)
    with Backend() as a:
        with Tee("-a", a.url, *options, *words) as tee:
            yield tee, port
        (last,) = tee.final
        assert last.seen - last.recovered == len(a.requests)
        assert last.in_flight == 0


def segments(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool").rglob("*.spool"))


@MODES
def test_b_that_was_down_gets_everything_in_order(tmp_path: Path, processes: str) -> None:
    with spooling(tmp_path, processes=processes) as (tee, port), RawClient(tee.port) as client:
        post(client, range(100))
        spooled(tee, 100)
        with Backend(port=port) as b:
            post(client, range(100, 150))
            one = level(tee)
            write(tee, 150, 10)  # on the direct way again
            level(tee)
            assert numbers(b)[:150] == list(range(150))
            assert sorted(numbers(b)[150:]) == list(range(150, 160))
            assert len(b.requests) == level(tee).delivered == 160
            assert (one.delivered, one.failed, one.dropped) == (150, 0, 0)
            eventually(lambda: not segments(tmp_path), "the files removed")


@MODES
def test_b_becomes_level_while_clients_go_on_and_no_clone_passes_another(tmp_path: Path, processes: str) -> None:
    port, ending = free_port(), threading.Event()
    line = f"http://127.0.0.1:{port} name=b order=connection"

    def write_on(number: int) -> None:
        with RawClient(tee.port) as client:
            while not ending.wait(0.005):
                post(client, [number])
                number += 1

    with Backend() as a, Tee("-a", a.url, "-b", line, "-b.spool", str(tmp_path), "-processes", processes) as tee:
        writers = [threading.Thread(target=write_on, args=(first,)) for first in range(0, 4 * LANE, LANE)]
        for writer in writers:
            writer.start()
        try:
            eventually(lambda: statement(tee).spooled > 200, "a backlog", SLOW)
            with Backend(port=port) as b:
                eventually(lambda: "B b is level again" in tee.program.output, "B is level", SLOW)
                before = len(b.requests)
                eventually(lambda: len(b.requests) > before + 100, "clones on the direct way")
                ending.set()
                for writer in writers:
                    writer.join()
                one = level(tee)
                found = numbers(b)
        finally:
            ending.set()
            for writer in writers:
                writer.join()
    assert (one.delivered, one.failed, one.dropped) == (one.seen, 0, 0)
    assert (len(a.requests), len(found)) == (one.seen, one.delivered)
    for first in range(0, 4 * LANE, LANE):
        lane = [number for number in found if first <= number < first + LANE]
        assert lane == list(range(first, first + len(lane)))
        assert len(lane) > 50


def test_one_connection_does_not_wait_for_another(tmp_path: Path) -> None:
    def picky(request: Request) -> bytes:
        return response("429 Too Many Requests" if request.target == "/first" else "200 OK", b"")

    with spooling(tmp_path) as (tee, port):
        write(tee, 0, 5, "/first")
        write(tee, 100, 20, "/second")
        spooled(tee, 25)
        with Backend(picky, port=port):
            eventually(lambda: statement(tee).spooled == 5, "the second connection's clones at B", SLOW)
        with Backend(port=port) as b:
            level(tee)
            assert numbers(b) == [0, 1, 2, 3, 4]


def test_a_tee_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    port = free_port()
    words = ("-b", f"http://127.0.0.1:{port} name=b", "-b.spool", str(tmp_path / "spool"), "-processes", "2")
    with Backend() as a:
        first = Tee("-a", a.url, *words).__enter__()
        write(first, 0, 100)
        spooled(first, 100)
        for pid in first.program.group():
            os.kill(pid, signal.SIGKILL)
        first.program.kill()
        with Tee("-a", a.url, *words) as tee:
            write(tee, 100, 20)
            with Backend(port=port) as b:
                one = level(tee)
                lost = one.failures.get("lost", 0)  # what was not written yet
                assert one.recovered == 100
                assert one.seen == 120 == one.delivered + lost
                found = numbers(b)
                assert [number for number in found if number >= 100] == list(range(100, 120))
                assert [number for number in found if number < 100] == list(range(100 - lost))


def test_clones_that_a_killed_tee_had_in_memory_only_are_counted_and_named_by_the_next_one(tmp_path: Path) -> None:
    words = ("-b", f"http://127.0.0.1:{free_port()} name=b", "-b.spool", str(tmp_path / "spool"), "-processes", "2")
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "b").write_text("in the place of the directory")
    with Backend() as a:
        first = Tee("-a", a.url, *words).__enter__()
        began = time.time()
        write(first, 0, 50)
        spooled(first, 50)
        ended = time.time()
        for pid in first.program.group():
            os.kill(pid, signal.SIGKILL)
        first.program.kill()
        (tmp_path / "spool" / "b").unlink()
        with Tee("-a", a.url, *words) as tee:
            eventually(lambda: statement(tee).failures == {"lost": 50}, "what is lost", SLOW)
            one = statement(tee)
            assert one.recovered == one.seen == 50
            assert not one.spooled
            pattern = r"50 clones are lost: .* came from ([0-9.]+) to ([0-9.]+) "
            tee.program.wait_for_line(pattern)
            said = re.search(pattern, tee.program.output)
            assert said is not None
            assert began - 0.01 <= float(said[1]) <= float(said[2]) <= ended + 0.01


@pytest.mark.parametrize(
    ("lane", "connections"), [("connection", 1), ("query:db", 4)], ids=["one connection", "four connections"]
)
def test_the_same_series_ends_with_the_last_value(tmp_path: Path, lane: str, connections: int) -> None:
    with spooling(tmp_path, "-b.spool.lane", lane) as (tee, port), ExitStack() as ends:
        clients = cycle([ends.enter_context(RawClient(tee.port)) for _ in range(connections)])
        for turn in range(50):
            assert next(clients).ask("POST", "/series?db=x", body=b"1").status == 200
            spooled(tee, 1)
            with Backend(port=port) as b:
                assert next(clients).ask("POST", "/series?db=x", body=b"2").status == 200
                level(tee)
                assert numbers(b) == [1, 2], turn


def test_a_request_that_always_fails_is_set_aside_and_the_rest_flows(tmp_path: Path) -> None:
    def picky(request: Request) -> bytes:
        return response("500 Internal Server Error" if request.target == "/bad" else "200 OK", b"")

    with spooling(tmp_path, "-b.check", "/ok") as (tee, port):
        write(tee, 0, 5)
        write(tee, 666, 1, "/bad")
        threads = [threading.Thread(target=write, args=(tee, 1000 * each, 100)) for each in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Backend(picky, port=port):
            one = level(tee)
            assert one.failures == {"poison": 1}
            assert one.delivered == one.seen - 1
        directory = str(tmp_path / "spool")
        listed = run_tee("spool", "ls", directory).stdout
        assert "set aside" in listed
        shown = run_tee("spool", "cat", directory, "all").stdout
        assert "curl" in shown
        assert "/bad" in shown
        with Backend(port=port) as b:
            assert run_tee("spool", "retry", directory, "all").returncode == 0
            eventually(lambda: 666 in numbers(b), "the request that was repeated", SLOW)
            assert level(tee).recovered == 1


def test_b_that_answers_500_to_all_has_nothing_set_aside(tmp_path: Path) -> None:
    with spooling(tmp_path) as (tee, port):
        for each in range(4):
            write(tee, each, 1)
        with Backend(lambda request: response("500 Internal Server Error", b""), port=port) as b:
            eventually(lambda: len(b.requests) > 10, "many attempts", SLOW)
        assert statement(tee).failed == 0
        with Backend(port=port) as b:
            assert level(tee).delivered == 4


def test_a_disk_that_takes_nothing_ends_nothing_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "spool").touch()  # no directory can be made there, not even by root
    with spooling(tmp_path, "-admin", "127.0.0.1:0") as (tee, port):
        write(tee, 0, 50)
        spooled(tee, 50)
        (tmp_path / "spool").unlink()
        with Backend(port=port) as b:
            assert level(tee).delivered == 50
            assert numbers(b) == list(range(50))


def test_what_waits_is_sent_by_hand_without_a_tee(tmp_path: Path) -> None:
    with spooling(tmp_path) as (tee, _):
        write(tee, 0, 30)
        spooled(tee, 30)
    directory = str(tmp_path / "spool")
    assert run_tee("spool", "verify", directory).returncode == 0
    with Backend() as b:
        sent = run_tee("spool", "drain", directory, "--to", b.url)
        assert (sent.returncode, sent.stdout) == (0, "30 sent, 0 set aside or lost, 0 dropped, 0 left\n")
        assert numbers(b) == list(range(30))


def points(tee: Tee, first: int, count: int) -> None:
    """Write points with the times `first`, `first + 1`, ... to InfluxDB."""
    with RawClient(tee.port) as client:
        for each in range(first, first + count):
            body = f"temperature,room=r{each % 7} value={each} {each}\n".encode()
            assert client.ask("POST", "/write?db=load&precision=s", body=body).status == 204


@pytest.mark.parametrize("killed", [False, True])
def test_two_influxdb_servers_are_equal_after_one_was_down(tmp_path: Path, killed: bool) -> None:
    words = ("-b.spool", str(tmp_path / "spool"), "-processes", "2")
    everything = 'SELECT "value", "room" FROM "temperature"'
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b, ExitStack() as ends:
        pair = ("-a", a.url, "-b", f"{b.url} name=b", *words)
        tee = Tee(*pair).__enter__()
        ends.callback(lambda: tee.program.kill())  # a test that fails leaves nothing behind
        influx_query(tee.url, "CREATE DATABASE load")
        eventually(lambda: ["load"] in b.query("SHOW DATABASES"), "the database at B")
        points(tee, 1, 100)
        level(tee)
        b.stop()
        spread(lambda first: points(tee, first, 100), 101, 401, 100)
        if killed:
            spooled(tee, 300)
            eventually(lambda: not waits_in_memory(tmp_path), "what is written")
            for pid in tee.program.group():
                os.kill(pid, signal.SIGKILL)
            tee.program.kill()
            tee = Tee(*pair).__enter__()
        points(tee, 401, 100)
        b.start()
        points(tee, 501, 100)
        one = level(tee)
        assert one.failed + one.dropped == 0
        assert b.query(everything, "load") == a.query(everything, "load")
        assert len(a.query(everything, "load")) == 600
        tee.__exit__(None, None, None)


def waits_in_memory(tmp_path: Path) -> bool:
    """Whether not all of the 300 points are on the disk."""
    found = run_tee("spool", "ls", str(tmp_path / "spool")).stdout
    return "300 clones" not in found


def spread(work: Callable[[int], None], first: int, end: int, step: int) -> None:
    """Do the work in one thread for each step."""
    threads = [threading.Thread(target=work, args=(start,)) for start in range(first, end, step)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_write_with_a_wrong_retention_policy_is_set_aside_by_influxdb(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b:
        words = ("-b.spool", str(tmp_path / "spool"), "-b.check", "/ping")
        with Tee("-a", a.url, "-b", f"{b.url} name=b", *words) as tee:
            influx_query(tee.url, "CREATE DATABASE load")
            eventually(lambda: ["load"] in b.query("SHOW DATABASES"), "the database at B")
            with RawClient(tee.port) as client:
                client.ask("POST", "/write?db=load&rp=none", body=b"temperature value=1 1\n")
            spread(lambda first: points(tee, first, 50), 1, 151, 50)
            one = level(tee)
            assert one.failures == {"poison": 1}
            assert b.count("load", "temperature") == a.count("load", "temperature") == 150


def test_a_post_from_the_spool_has_the_same_key_at_each_repeat(tmp_path: Path) -> None:
    def busy(request: Request) -> bytes:
        return response("503 Service Unavailable" if len(b.requests) < 4 else "200 OK", b"")

    options = ("name=b idempotent", "-b.spool", str(tmp_path / "spool"), "-processes", "1")
    with Backend() as a, Backend(busy) as b, Tee("-a", a.url, "-b", f"{b.url} {options[0]}", *options[1:]) as tee:
        write(tee, 7, 1)
        eventually(lambda: statement(tee).seen == 1, "the clone")
        level(tee)
        asked = list(b.requests)
        keys = {request.value("Idempotency-Key") for request in asked}
        assert [request.body for request in asked] == [b"7"] * 4
        assert len(keys) == 1
        assert None not in keys
        assert a.requests[0].value("Idempotency-Key") is None
