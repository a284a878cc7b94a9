"""Applications that shadow themselves, under real servers."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import sleep

import pytest
from websockets.sync.client import connect

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.house import ROOT
from tests.support.ledger import Ledger, parse
from tests.support.net import eventually, free_port, unaccepting_port
from tests.support.process import Program
from tests.support.programs import hey
from tests.support.wire import BrokenMessageError

pytestmark = pytest.mark.integration

SERVERS = {
    "sync": ("gunicorn", "--worker-class=sync"),
    "gthread": ("gunicorn", "--worker-class=gthread", "--threads=4"),
    "preload": ("gunicorn", "--worker-class=gthread", "--threads=4", "--preload"),
    "waitress": ("waitress",),
    "uwsgi": ("uwsgi", "--enable-threads", "--threads=4"),
    "uvicorn": ("uvicorn", "--lifespan=auto"),
}
WSGI = ("sync", "gthread", "preload", "waitress", "uwsgi")
APPLICATIONS = ("plain", "flasks", "djangos")
ASGI = ("starlettes", "fastapis", "django_asgi")
PAIRS = [*((server, each) for server in WSGI for each in APPLICATIONS), *(("uvicorn", each) for each in ASGI)]
BIND = {
    "gunicorn": "--bind=127.0.0.1:{}",
    "waitress": "--listen=127.0.0.1:{}",
    "uwsgi": "--http-socket=127.0.0.1:{}",
    "uvicorn": "--port={}",
}
READY = r"Listening at: http|Serving on http|spawned uWSGI worker|Uvicorn running on"


@contextmanager
def served(server: str, application: str, b: str, *options: str, **environment: str) -> Iterator[tuple[int, Program]]:
    kind, *standing = SERVERS[server]
    port = free_port()
    module = f"tests.integration.applications.{application}:application"
    target = [f"--module={module}", "--master", "--die-on-term"] if kind == "uwsgi" else [module]
    program = [f"{Path(sys.executable).parent}/pyuwsgi"] if kind == "uwsgi" else [sys.executable, "-m", kind]
    command = [*program, BIND[kind].format(port), *standing, *options, *target]
    with TemporaryDirectory() as home:
        env = {"HOME": home, "XDG_RUNTIME_DIR": home, "HTTPTEE_B": b, "PYTHONPATH": str(ROOT), **environment}
        running = Program(command, env=env, cwd=ROOT)
        try:
            running.wait_for_line(READY)
            yield port, running
        except BaseException:
            running.kill()
            print(running.output)
            raise
        running.stop(signal.SIGINT if kind == "waitress" else signal.SIGTERM, code=None)


def ledger_of(port: int) -> Ledger:
    """The ledger as the application prints it, once no clone is in flight but that of this request."""
    found: list[Ledger] = []

    def settled() -> bool:
        found[:] = parse(ask(port, target="/ledger").body.decode())
        return not found[0].in_flight

    eventually(settled, "the end of the clones")
    found[0].check()
    return found[0]


def got_by(b: Backend, target: str) -> list[bytes]:
    """The bodies with which a target came to B. The clone is offered when the client has its answer."""
    eventually(lambda: any(request.target == target for request in b.requests), f"the clone of {target}")
    return [request.body for request in b.requests if request.target == target]


def digest(method: str, body: bytes) -> bytes:
    return f"{method} {hashlib.sha256(body).hexdigest()}".encode()


@pytest.mark.parametrize(("server", "application"), PAIRS)
def test_the_client_gets_the_applications_answers_and_b_every_request(server: str, application: str) -> None:
    with Backend() as b, served(server, application, b.url) as (port, program):
        large = b"x" * 200_000
        for method, target, body in (("GET", "/a%2Fb?q=%7E", b""), ("POST", "/p", b"hello"), ("PUT", "/l", large)):
            got = ask(port, method, target, body=body if method != "GET" else None)
            assert (got.status, got.body) == (200, digest(method, body))
        assert ask(port, target="/stream").body == b"one two three"
        assert ask(port, target="/file").body.startswith(b'"""')
        assert ledger_of(port).dropped == 0
        assert got_by(b, "/a%2Fb?q=%7E") == [b""]
        assert got_by(b, "/p") == [b"hello"]
        assert got_by(b, "/l") == [large]
        assert got_by(b, "/stream") == got_by(b, "/file") == [b""]
    assert "Traceback" not in program.output, program.output


@pytest.mark.parametrize("server", WSGI)
def test_of_a_chunked_body_b_gets_what_the_application_got(server: str) -> None:
    with Backend() as b, served(server, "plain", b.url) as (port, _):
        raw = b"POST /chunked HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        with RawClient(port) as client:
            client.send(raw)
            got = client.answer()
        assert got.status == 200
        assert ledger_of(port).dropped == 0
        (sent,) = got_by(b, "/chunked")
        assert got.body == digest("POST", sent)
        assert sent == (b"" if server == "uwsgi" else b"hello")  # uWSGI hands it on in a way of its own


@pytest.mark.parametrize(
    ("server", "application"), [("sync", "plain"), ("gthread", "flasks"), ("uwsgi", "plain"), ("uvicorn", "starlettes")]
)
def test_a_body_that_the_application_has_not_read_is_dropped(server: str, application: str) -> None:
    with Backend() as b, served(server, application, b.url) as (port, _):
        assert ask(port, "POST", "/unread", body=b"hello").status == 403
        # The client has its answer before the clone is offered.
        eventually(lambda: ledger_of(port).drops == {"unread": 1}, "the drop")


@pytest.mark.parametrize(
    ("server", "application"),
    [*((server, "plain") for server in WSGI), ("sync", "flasks"), ("sync", "djangos"), ("uvicorn", "starlettes")],
)
def test_an_exception_is_the_servers_and_the_next_request_is_answered(server: str, application: str) -> None:
    with Backend() as b, served(server, application, b.url) as (port, program):
        with contextlib.suppress(BrokenMessageError):  # uWSGI closes the connection
            assert ask(port, target="/raises").status == 500
        assert ask(port, target="/x").body == digest("GET", b"")
        assert got_by(b, "/raises") == [b""]
    if application in ("plain", "starlettes"):
        assert "ZeroDivisionError: a bug of the application" in program.output


@pytest.mark.parametrize("server", SERVERS)
def test_clones_in_flight_are_drained_at_the_end(server: str) -> None:
    with Backend() as b:
        with served(server, "starlettes" if server == "uvicorn" else "plain", b.url) as (port, program):
            for number in range(20):
                assert ask(port, target=f"/{number}").status == 200
            if server == "uwsgi":  # a worker that is busy, if only with its log, ends without its exit functions
                eventually(lambda: program.output.count(" => generated ") >= 20, "an idle uWSGI")
                sleep(0.3)
        found = parse(program.output)
        assert sum(each.seen for each in found) == sum(each.delivered for each in found) == 20, program.output
        assert len(b.requests) == 20


@pytest.mark.parametrize("server", ["sync", "gthread", "preload"])
def test_four_processes_add_up_and_b_gets_each_request_once(server: str, tmp_path: Path) -> None:
    env = {} if server == "preload" else {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with Backend() as b, served(server, "plain", b.url, "--workers=4", **env) as (port, _):
        assert hey(f"http://127.0.0.1:{port}/x", 2000, "-c", "8") == {200: 2000}
        ledger = ledger_of(port)
        assert len([request for request in b.requests if request.target == "/x"]) + ledger.dropped == 2000
        assert ledger.dropped == 0
        assert ledger.seen >= 2000
        text = ask(port, target="/metrics").body.decode()
        delivered = re.search(r'^httptee_shadow_delivered_total\{.*code="200"\} (\S+)', text, re.MULTILINE)
        assert delivered is not None
        assert float(delivered[1]) >= 2000


def test_the_ledger_outlives_a_killed_process(tmp_path: Path) -> None:
    with (
        Backend() as b,
        served("sync", "plain", b.url, PROMETHEUS_MULTIPROC_DIR=str(tmp_path)) as (port, _),
    ):
        for _ in range(10):
            assert ask(port, target="/x").status == 200
        before = ledger_of(port)
        os.kill(int(ask(port, target="/pid").body), signal.SIGKILL)
        eventually(lambda: ask(port, target="/x").status == 200, "the next process")
        after = ledger_of(port)
        assert after.seen > before.seen
        assert after.delivered >= before.delivered


def test_a_b_that_never_answers_stops_nothing() -> None:
    with unaccepting_port() as dead, served("gthread", "flasks", f"http://127.0.0.1:{dead}") as (port, program):
        assert hey(f"http://127.0.0.1:{port}/x", 400, "-c", "8") == {200: 400}
        statement = parse(ask(port, target="/ledger").body.decode())[0]
        statement.check()
        assert statement.delivered == 0
    (last,) = parse(program.output)
    assert last.in_flight == 0


def test_a_websocket_and_the_lifespan_pass_untouched() -> None:
    with Backend() as b:
        with served("uvicorn", "starlettes", b.url, "--ws=websockets") as (port, program):
            with connect(f"ws://127.0.0.1:{port}/echo") as socket:
                socket.send("hello")
                assert socket.recv() == "hello"
            assert ledger_of(port).seen == 0
        assert "the lifespan begins" in program.output
        assert "the lifespan ends" in program.output


def test_the_verdict_says_what_differs(tmp_path: Path) -> None:
    with Backend() as b:
        verdict = str(tmp_path / "verdict")
        with served("gthread", "plain", b.url, HTTPTEE_VERDICT=verdict) as (port, program):
            for number in range(100):
                assert ask(port, target=f"/same/{number}").status == 200
            ledger_of(port)
        assert f"the evidence is in {verdict}/1" in program.output
        said = Program([sys.executable, "-m", "httptee", "verdict", f"{verdict}/1"]).wait(code=None)
        assert "/same/{int}" in said, said
        assert "header date" not in said  # the server adds it after the application
