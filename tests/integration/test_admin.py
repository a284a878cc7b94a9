"""The admin listener beside a running tee, and what it tells."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes, send_raw
from tests.support.ledger import parse
from tests.support.net import PATIENCE, eventually, free_port, refusing_port, require
from tests.support.scripted import ScriptedServer
from tests.support.scripts import blackhole
from tests.support.tee import Tee, run_tee

pytestmark = pytest.mark.integration

PARTS = ("delivered_total", "failed_total", "dropped_total", "in_flight")
ADMIN = ("--admin", "127.0.0.1:0")


def admin_port(tee: Tee) -> int:
    """Where the admin listener is, as the log says."""
    return int(tee.program.wait_for_line(r"Admin listener at \S+:(\d+)$")[0][1])


def status(port: int) -> Any:
    """What /status says."""
    answer = ask(port, target="/status")
    assert (answer.status, answer.value("Content-Type")) == (200, "application/json")
    return json.loads(answer.body)


def metrics(port: int) -> Counter[str]:
    """Every series and its value."""
    answer = ask(port, target="/metrics")
    assert answer.status == 200
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    return Counter({name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)})  # type: ignore[misc]


def workers(port: int, count: int = 2) -> list[int]:
    """The pids of all workers, once they are there."""

    def there() -> list[int]:
        pids = [worker["pid"] for worker in status(port)["workers"]]
        return pids if len(pids) == count else []

    return eventually(there, f"{count} workers")


def went_back(before: Counter[str], after: Counter[str]) -> list[str]:
    """The counters that are smaller than they were. Those of a process end with it."""
    counters = [name for name in before if name.partition("{")[0].endswith(("_total", "_bucket", "_count", "_sum"))]
    counters = [name for name in counters if not name.startswith("httptee_process_")]
    return [name for name in counters if after[name] < before[name]]


def total(found: Counter[str], name: str) -> float:
    """The sum of a metric over its labels."""
    return sum(value for series, value in found.items() if re.split(r"[{ ]", series)[0] == name)


def listening_ports(tee: Tee) -> set[int]:
    """The TCP ports that the processes of a tee listen at."""
    inodes = set()
    for pid in tee.program.group():
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
            except OSError:
                continue
            if found:
                inodes.add(found[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A" and row[9] in inodes}


def in_threads(count: int, port: int, each: int) -> None:
    """So many clients with a connection each, so many requests on each."""

    def work(number: int) -> None:
        with RawClient(port) as client:
            for request in range(each):
                shape = "missing" if request % 5 == 0 else ""
                assert client.ask(target=f"/{number}/{request}/{shape}").status in (200, 404)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work, number) for number in range(count)]:
            done.result()


def test_it_is_off_unless_asked_for_and_its_pages_are_as_the_others_to_the_proxy() -> None:
    with Backend() as a, Tee("-a", a.url, "--processes", "2") as tee:
        for path in ("/healthz", "/readyz", "/status", "/metrics"):
            assert ask(tee.port, target=path).body.startswith(f"GET {path} ".encode())
        assert listening_ports(tee) == {tee.port}


@pytest.mark.parametrize("processes", [1, 2])
def test_it_has_a_port_of_its_own_and_the_proxy_knows_nothing_of_it(processes: int) -> None:
    with Backend() as a, Tee("-a", a.url, "--processes", str(processes), *ADMIN) as tee:
        port = admin_port(tee)
        workers(port, processes)
        assert listening_ports(tee) == {tee.port, port}
        assert ask(tee.port, target="/metrics").body.startswith(b"GET /metrics ")
        assert ask(port, target="/healthz").body == b"ok\n"
        assert ask(port, target="/readyz").body == b"ready\n"
        assert len(a.requests) == 1


@pytest.mark.parametrize("listen", ["127.0.0.1:{port}", ":{port}"])
def test_the_proxys_port_is_refused_in_one_line(listen: str) -> None:
    port = free_port()
    ended = run_tee("-l", listen.format(port=port), "-a", "127.0.0.1:1", "--admin", f"127.0.0.1:{port}")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"httptee: cannot listen on 127.0.0.1:{port} (-admin): Address already in use")


@pytest.mark.parametrize("processes", [1, 2])
def test_counters_agree_to_the_unit_with_what_was_sent(processes: int) -> None:
    with Backend() as a, Backend() as b, refusing_port() as nobody:
        down = f"http://127.0.0.1:{nobody}"
        arguments = ("-a", a.url, "-b", b.url, "-b", down, "--processes", str(processes), *ADMIN)
        with Tee(*arguments) as tee:
            port = admin_port(tee)
            in_threads(8, tee.port, 50)
            tee.settled(400)
            found = metrics(port)
            assert found['httptee_primary_requests_total{code="200"}'] == 320
            assert found['httptee_primary_requests_total{code="404"}'] == 80
            assert found["httptee_primary_seconds_count"] == len(a.requests) == 400
            assert 0 < found["httptee_primary_seconds_sum"] < 400 * PATIENCE
            assert total(found, "httptee_primary_errors_total") == 0
            for backend in (b.url, down):
                assert found[f'httptee_shadow_seen_total{{backend="{backend}"}}'] == 400
                assert found[f'httptee_shadow_in_flight{{backend="{backend}"}}'] == 0
            assert found[f'httptee_shadow_delivered_total{{backend="{b.url}",code="200"}}'] == 320
            assert found[f'httptee_shadow_delivered_total{{backend="{b.url}",code="404"}}'] == 80
            assert found[f'httptee_shadow_seconds_count{{backend="{b.url}"}}'] == len(b.requests) == 400
            eventually(lambda: metrics(port)["httptee_workers"] == processes, "the start of all workers")
            shadows = {shadow["name"]: shadow["ledger"] for shadow in status(port)["b"]}
            assert shadows[b.url]["delivered_by_status"] == {"200": 320, "404": 80}
            up = f'httptee_shadow_up{{backend="{down}"}}'
            eventually(lambda: metrics(port)[up] == 0, "the news of a B that is down")


def test_errors_of_a_and_refusals_are_counted_by_their_reasons() -> None:
    with refusing_port() as nobody, Tee("-a", f"http://127.0.0.1:{nobody}", "--processes", "2", *ADMIN) as tee:
        port = admin_port(tee)
        for _ in range(3):
            assert ask(tee.port).status == 502
        assert ask(tee.port, "CONNECT", "a:1").status == 501
        malformed = send_raw(tee.port, b"GET  / HTTP/1.1\r\n\r\n")
        assert malformed is not None
        assert malformed.status == 400
        found = metrics(port)
        assert found['httptee_primary_requests_total{code="502"}'] == 3
        assert found['httptee_primary_errors_total{reason="connect"}'] == 3
        assert found['httptee_refused_total{reason="connect_not_supported"}'] == 1
        assert found['httptee_refused_total{reason="bad_request"}'] == 1
        assert total(found, "httptee_refused_total") == 2


def test_a_killed_worker_loses_nothing_that_it_had_counted() -> None:
    with Backend() as a, ScriptedServer(blackhole()) as held, Backend() as b:
        arguments = ("-a", a.url, "-b", b.url, "-b", held.url, "--processes", "2", "-b.timeout", "60000", *ADMIN)
        with Tee(*arguments, "--drain-timeout", "100") as tee:
            port = admin_port(tee)
            pids = workers(port)
            in_threads(8, tee.port, 5)
            eventually(lambda: status(port)["b"][0]["ledger"]["delivered"] == 40, "all clones at the quick B")
            before = metrics(port)
            assert before[f'httptee_shadow_in_flight{{backend="{held.url}"}}'] == 40
            for killed in pids:
                os.kill(killed, signal.SIGKILL)
            eventually(lambda: not set(pids) & set(workers(port)), "their successors")
            after = metrics(port)
            assert not went_back(before, after)
            assert after["httptee_primary_seconds_count"] == 40
            assert after[f'httptee_shadow_seen_total{{backend="{held.url}"}}'] == 40
            assert after[f'httptee_shadow_failed_total{{backend="{held.url}",reason="lost"}}'] == 40
            assert after[f'httptee_shadow_in_flight{{backend="{held.url}"}}'] == 0
            assert ask(tee.port).status == 200
            eventually(lambda: metrics(port)["httptee_primary_seconds_count"] == 41, "the count going on")


def test_the_equation_is_exact_at_every_scrape_while_workers_are_killed() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "--processes", "2", *ADMIN) as tee:
        port = admin_port(tee)
        stop = threading.Event()
        answered: list[int] = []

        def load() -> None:
            while not stop.is_set():
                with RawClient(tee.port) as client:
                    try:
                        while not stop.is_set():
                            answered.append(client.ask().status)
                    except Exception:
                        continue

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            last: Counter[str] = Counter()
            for _ in range(3):
                os.kill(workers(port)[0], signal.SIGKILL)
                for _ in range(20):
                    found = metrics(port)
                    seen = found[f'httptee_shadow_seen_total{{backend="{b.url}"}}']
                    parts = [total(found, f"httptee_shadow_{part}") for part in PARTS]
                    assert seen == sum(parts)
                    assert parts[-1] >= 0
                    assert seen >= last[f'httptee_shadow_seen_total{{backend="{b.url}"}}']
                    assert found["httptee_primary_seconds_count"] >= last["httptee_primary_seconds_count"]
                    last = found
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        workers(port)
        (ledger,) = eventually(lambda: [each for each in tee.ledgers() if not each.in_flight], "nothing in flight")
        found = metrics(port)
        assert ledger.seen == found[f'httptee_shadow_seen_total{{backend="{b.url}"}}']
        # A worker counts an answer before it sends it, so what a client has got was counted, whoever was killed.
        assert found["httptee_primary_seconds_count"] >= len(answered)
        assert set(answered) == {200}


@pytest.mark.parametrize("processes", [1, 2])
def test_requests_in_flight_at_a_are_counted_until_their_answer_is_whole(processes: int) -> None:
    options = ("-a.timeout", "600s", "--processes", str(processes), *ADMIN)
    with ScriptedServer(blackhole()) as a, Tee("-a", a.url, *options) as tee:
        port = admin_port(tee)
        assert status(port)["a"]["in_flight"] == 0
        with RawClient(tee.port) as one, RawClient(tee.port) as other:
            for client in (one, other):
                client.send(request_bytes())
            a.wait_for_requests(2)
            eventually(lambda: status(port)["a"]["in_flight"] == 2, "two requests in flight")
        eventually(lambda: status(port)["a"]["in_flight"] == 0, "none in flight")


def test_an_admin_process_that_dies_is_replaced_and_its_port_refuses_nobody() -> None:
    with Backend() as a, Tee("-a", a.url, "--processes", "2", *ADMIN) as tee:
        port = admin_port(tee)
        pids = workers(port)
        assert ask(tee.port).status == 200
        (admin,) = set(tee.program.group()) - {tee.program.pid, *pids}
        os.kill(admin, signal.SIGKILL)
        with socket.create_connection(("127.0.0.1", port)):
            pass
        tee.program.wait_for_line("the admin process was killed by SIGKILL; another starts")
        assert workers(port) == pids
        assert metrics(port)["httptee_primary_seconds_count"] == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_what_it_does_not_serve_gets_a_clean_error(processes: int) -> None:
    with Backend() as a, Tee("-a", a.url, "--processes", str(processes), *ADMIN) as tee:
        port = admin_port(tee)
        posted = ask(port, "POST", "/status", body=b"x")
        assert (posted.status, posted.value("Allow")) == (405, "GET, HEAD")
        assert ask(port, "HEAD", "/status").status == 200
        assert ask(port, target="/admin").status == 404
        assert ask(port, "POST", "/status", body=b"x" * 10_000).status == 413
        for raw, expected in (
            (b"GET /status HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 431),
            (b"GET /" + b"y" * 9000, 414),
            (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
            (b"GET /status HTTP/1.1\r\n\r\n", 400),
            (b"GET /status HTTP/3.0\r\nHost: x\r\n\r\n", 505),
            (b"POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ):
            answer = send_raw(port, raw)
            assert answer is not None
            assert answer.status == expected
        assert ask(port, target="/healthz").status == 200
        assert not a.requests


def test_clients_that_never_finish_keep_neither_the_admin_nor_the_proxy() -> None:
    with Backend() as a, Tee("-a", a.url, "--processes", "2", *ADMIN) as tee, ExitStack() as stack:
        port = admin_port(tee)
        workers(port)
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(200)]
        for sock in slow:
            sock.send(b"GET /metrics HTTP/1.1\r\nX-")
        in_threads(4, tee.port, 25)

        def served() -> bool:
            for sock in slow:
                try:
                    sock.send(b"y")
                except OSError:
                    continue
            try:
                return ask(port, target="/healthz").status == 200
            except Exception:
                return False

        eventually(served, "an answer beside 200 clients that trickle")


def test_ready_follows_as_check() -> None:
    with Backend() as a, Tee("-a", f"{a.url}", "--processes", "2", "--a.check", "/ping", *ADMIN) as tee:
        port = admin_port(tee)
        eventually(lambda: ask(port, target="/readyz").status == 200, "readiness")
        assert a.requests[0].target == "/ping"
        a.stop()
        eventually(lambda: ask(port, target="/readyz").status == 503, "A's failing the check")
        assert ask(port, target="/readyz").body == b"A fails its check: connect\n"
        assert ask(port, target="/healthz").status == 200


@pytest.mark.parametrize("processes", [1, 2])
def test_no_count_goes_back_and_nobody_is_refused_over_reloads(tmp_path: Path, processes: int) -> None:
    ini = tmp_path / "httptee.ini"
    with Backend() as a, Backend() as stays, Backend() as leaves:
        ini.write_text(f"a.check = /ping\nb = {stays.url}\nb = {leaves.url}\n")
        with Tee("-a", a.url, "-config", str(ini), "--processes", str(processes), *ADMIN) as tee:
            port = admin_port(tee)
            eventually(lambda: ask(port, target="/readyz").status == 200, "readiness")
            in_threads(4, tee.port, 5)
            last = metrics(port)
            for count in range(1, 6):
                ini.write_text(f"a.check = /ping\nb.timeout = {1000 + count}\nb = {stays.url}\n")
                mark = tee.program.mark()
                tee.program.send_signal(signal.SIGHUP)
                in_threads(4, tee.port, 5)
                while not any("INFO reloaded: " in line for line in tee.program.lines[mark:]):
                    found = metrics(port)
                    assert not went_back(last, found)
                    last = found
                    assert ask(port, target="/readyz").body == b"ready\n"
                in_force = eventually(
                    lambda count=count: status(port)["settings"]["b.timeout"] == 1000 + count,  # type: ignore[misc]
                    "the new settings",
                )
                assert in_force
                found = metrics(port)
                assert not went_back(last, found)
                last = found
            eventually(lambda: metrics(port)["httptee_workers"] == processes, "the end of the old workers")
            found = metrics(port)
            assert not went_back(last, found)
            assert found["httptee_primary_seconds_count"] == 120
            assert found[f'httptee_shadow_seen_total{{backend="{stays.url}"}}'] == 120
            assert [(b["url"], b["state"]) for b in status(port)["b"]] == [(stays.url, "up"), (None, "gone")]
            assert f'httptee_shadow_up{{backend="{leaves.url}"}}' not in found
            tee.final = parse(tee.program.stop())


def test_its_address_changes_at_a_restart_only(tmp_path: Path) -> None:
    ini = tmp_path / "httptee.ini"
    ini.write_text("admin = 127.0.0.1:0\n")
    with Backend() as a, Tee("-a", a.url, "-config", str(ini), "--processes", "2") as tee:
        port = admin_port(tee)
        ini.write_text(f"admin = 127.0.0.1:{free_port()}\n")
        tee.program.send_signal(signal.SIGHUP)
        tee.program.wait_for_line("a new admin address needs a restart")
        tee.program.wait_for_line("INFO reloaded: ")
        assert len(workers(port)) == 2


@pytest.mark.parametrize("processes", [1, 2])
def test_not_ready_but_healthy_while_draining(processes: int) -> None:
    with Backend() as a, ScriptedServer(blackhole()) as b:
        arguments = ("-a", a.url, "-b", b.url, "--processes", str(processes), "-b.timeout", "8000", *ADMIN)
        with Tee(*arguments, "--drain-timeout", "4000") as tee:
            port = admin_port(tee)
            workers(port, processes)
            assert ask(tee.port).status == 200
            with ExitStack() as stack:
                # One held clone in each worker keeps them all draining.
                for _ in range(40):
                    stack.enter_context(RawClient(tee.port)).ask()
                tee.program.send_signal(signal.SIGTERM)
                eventually(lambda: ask(port, target="/readyz").body == b"draining\n", "the news of the drain")
                assert ask(port, target="/healthz").status == 200
            output = tee.program.wait()
            assert "Traceback" not in output
            tee.stop()


def test_promtool_has_nothing_to_say_about_a_running_tee() -> None:
    promtool = require("promtool")
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-b", b.url, "--processes", "2", *ADMIN) as tee:
        port = admin_port(tee)
        in_threads(4, tee.port, 10)
        text = ask(port, target="/metrics").body
        checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
