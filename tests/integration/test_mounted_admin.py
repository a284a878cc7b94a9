"""The admin listener where another server runs the tee: over all of its processes, and without the one that had it."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from httptee.http import Listen
from httptee.middleware.together import MEMORY, name_of
from tests.integration.test_inside import served
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import eventually, free_port, refusing_port
from tests.support.process import Program
from tests.support.programs import hey, mounted

pytestmark = pytest.mark.integration

THREADS = ("gunicorn", "--worker-class=gthread", "--threads=4")
SERVERS = {
    "workers": (*THREADS, "--workers=3"),
    "preload": (*THREADS, "--workers=3", "--preload"),
    "directory": (*THREADS, "--workers=3"),
    "waitress": ("waitress",),
}
REQUESTS = 600


def status(admin: int) -> dict[str, Any]:
    """What /status says now."""
    found: dict[str, Any] = json.loads(ask(admin, target="/status").body)
    return found


def serves(admin: int) -> bool:
    """Whether the listener answers."""
    try:
        return ask(admin, target="/healthz").status == 200
    except OSError:
        return False


def settled(admin: int, answered: int) -> dict[str, Any]:
    """What /status says when so many requests were answered, and every clone has its outcome."""

    def all_there() -> dict[str, Any] | None:
        found = status(admin)
        ledger = found["b"][0]["ledger"]
        return found if found["a"]["answered"] >= answered and not ledger["in_flight"] else None

    found = eventually(all_there, f"the outcome of {answered} requests")
    assert found is not None
    return found


def adds_up(found: dict[str, Any], answered: int) -> None:
    """All requests were answered and all clones seen, and each has one outcome."""
    ledger = found["b"][0]["ledger"]
    assert (found["a"]["answered"], ledger["seen"]) == (answered, answered)
    assert ledger["seen"] == ledger["delivered"] + ledger["failed"] + ledger["dropped"]


@pytest.mark.parametrize("server", SERVERS)
def test_the_pages_are_those_of_all_processes(server: str, tmp_path: Path) -> None:
    kind, *options = SERVERS[server]
    admin = free_port()
    with Backend() as a, Backend() as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, "HTTPTEE_ADMIN": f"127.0.0.1:{admin}", "TMPDIR": str(tmp_path)}
        env |= {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if server == "directory" else {}
        with mounted(kind, env, *options) as (port, program):
            assert hey(f"http://127.0.0.1:{port}/x", REQUESTS, "-c", "8", "-t", "0") == {200: REQUESTS}
            eventually(lambda: serves(admin), "the admin listener")
            found = settled(admin, REQUESTS)
            adds_up(found, REQUESTS)
            assert found["mounted"]["runs"] == "under another server"
            assert found["mounted"]["counted"] == "all processes"
            pids = [worker["pid"] for worker in found["workers"]]
            assert found["mounted"]["pid"] in pids
            assert [process["pid"] for process in found["processes"]] == pids
            assert {process["kind"] for process in found["processes"]} == {"worker"}
            text = ask(admin, target="/metrics").body.decode()
            assert f'httptee_primary_requests_total{{code="200"}} {REQUESTS}.0' in text
            assert re.search(rf"^httptee_shadow_seen_total\{{.*\}} {REQUESTS}\.0$", text, re.MULTILINE)
            page = ask(admin, target="/")
            assert page.status == 200
            assert f'<data value="{REQUESTS}" data-key="a/answered">' in page.body.decode()
            assert ask(admin, target="/", headers=[("Host", "evil.example")]).status == 421
        assert program.output.count("Admin listener at 127.0.0.1:") == 1
    name = name_of(Listen("127.0.0.1", admin))
    assert list(Path(MEMORY, f"httptee-{os.geteuid()}").glob(f"{name}-*")) == []


def next_one(port: int, admin: int, before: int) -> dict[str, Any]:
    """What the process says that has the listener after that with the pid `before`. Until then each process gets
    requests, for it begins with the first one. The answers are counted in `asked`."""
    asked = 0

    def another() -> dict[str, Any] | None:
        nonlocal asked
        assert ask(port, target="/more").status == 200
        asked += 1
        if not serves(admin):
            return None
        found = status(admin)
        return {**found, "asked": asked} if found["mounted"]["pid"] != before else None

    found = eventually(another, "another process with the listener")
    assert found is not None
    return found


@pytest.mark.parametrize("server", ["workers", "preload", "directory"])
def test_when_the_process_with_the_listener_is_killed_another_has_it(server: str, tmp_path: Path) -> None:
    kind, *options = SERVERS[server]
    admin = free_port()
    with Backend() as a, Backend() as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, "HTTPTEE_ADMIN": f"127.0.0.1:{admin}", "TMPDIR": str(tmp_path)}
        env |= {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)} if server == "directory" else {}
        with mounted(kind, env, *options) as (port, program):
            assert hey(f"http://127.0.0.1:{port}/x", REQUESTS, "-c", "8", "-t", "0") == {200: REQUESTS}
            eventually(lambda: serves(admin), "the admin listener")
            holder = settled(admin, REQUESTS)["mounted"]["pid"]
            os.kill(holder, signal.SIGKILL)
            asked = next_one(port, admin, holder)["asked"]
            found = settled(admin, REQUESTS + asked)
            adds_up(found, REQUESTS + asked)
            assert holder not in [worker["pid"] for worker in found["workers"]]
        assert program.output.count("Admin listener at 127.0.0.1:") == 2


def test_inside_an_application_a_is_the_application(tmp_path: Path) -> None:
    admin = free_port()
    env = {"HTTPTEE_ADMIN": f"127.0.0.1:{admin}", "TMPDIR": str(tmp_path), "HTTPTEE_VERDICT": "memory"}
    with Backend() as b, served("gthread", "flasks", b.url, "--workers=2", **env) as (port, program):
        assert hey(f"http://127.0.0.1:{port}/x", REQUESTS, "-c", "8", "-t", "0") == {200: REQUESTS}
        eventually(lambda: serves(admin), "the admin listener")
        found = settled(admin, REQUESTS)
        adds_up(found, REQUESTS)
        assert (found["a"]["url"], found["a"]["check"]) == ("this application", None)
        assert found["mounted"]["runs"] == "inside an application"
        assert found["verdict"]["alone"] == {"pid": found["mounted"]["pid"], "processes": len(found["workers"])}
        counted = found["b"][0]["verdict"]["counts"]
        assert 0 < counted["matched"] + counted["mismatched"] <= REQUESTS
        eventually(lambda: ask(admin, target="/verdict").status == 200, "the first report", patience=60)
        assert b"each process compares its own requests" in ask(admin, target="/").body
    assert "Traceback" not in program.output, program.output


def test_an_asgi_application_has_it_too(tmp_path: Path) -> None:
    admin = free_port()
    env = {"HTTPTEE_ADMIN": f"127.0.0.1:{admin}", "TMPDIR": str(tmp_path)}
    with Backend() as b, served("uvicorn", "starlettes", b.url, **env) as (port, _):
        for _ in range(5):
            assert ask(port, target="/x").status == 200
        eventually(lambda: serves(admin), "the admin listener")
        adds_up(settled(admin, 5), 5)


def test_a_fails_its_check_there_too(tmp_path: Path) -> None:
    admin = free_port()
    with refusing_port() as dead:
        env = {"HTTPTEE_A": f"http://127.0.0.1:{dead}", "HTTPTEE_A_CHECK": "/up", "TMPDIR": str(tmp_path)}
        with mounted("waitress", {**env, "HTTPTEE_ADMIN": f"127.0.0.1:{admin}"}) as (port, _):
            assert ask(port).status == 502
            eventually(lambda: serves(admin), "the admin listener")
            answer = ask(admin, target="/readyz")
            assert (answer.status, answer.body) == (503, b"A fails its check: connect\n")


def test_an_address_that_cannot_be_bound_is_said_once_and_requests_go_on(tmp_path: Path) -> None:
    said = "cannot listen at 192.0.2.1:8889 (-admin): Cannot assign requested address"
    with Backend() as a:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_ADMIN": "192.0.2.1:8889", "TMPDIR": str(tmp_path)}
        with mounted("gunicorn", env, "--worker-class=gthread", "--threads=4", "--workers=2") as (port, program):
            assert ask(port).status == 200
            program.wait_for_line(re.escape(said))
            assert hey(f"http://127.0.0.1:{port}/x", 400, "-c", "8", "-t", "0") == {200: 400}
        assert program.output.count(said) == 1


def test_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with Backend() as a:
        env = {
            "HTTPTEE_A": a.url,
            "HTTPTEE_ADMIN": f"unix:{path}",
            "HTTPTEE_SOCKET_MODE": "600",
            "TMPDIR": str(tmp_path),
        }
        with mounted("waitress", env) as (port, _):
            assert ask(port).status == 200
            eventually(path.is_socket, "the socket")
            assert path.stat().st_mode & 0o777 == 0o600
            curl = ["curl", "-sf", "--unix-socket", str(path), "http://localhost/healthz"]
            assert Program(curl).wait() == "ok"
        assert not path.exists()
