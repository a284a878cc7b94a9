"""A is down: what the log says, and which clones B gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from httptee.build import primary_upstream
from httptee.http.message import Request
from httptee.ledger.ledger import Ledger
from httptee.primary import Primary
from httptee.settings.config import load
from httptee.transport.timeouts import Timeouts
from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import free_port, refusing_port, unaccepting_port
from tests.support.scripted import ScriptedServer
from tests.support.tee import Tee
from tests.support.tls import Authority

pytestmark = pytest.mark.integration


@pytest.fixture
def b() -> Iterator[Backend]:
    with Backend() as server:
        yield server


def test_what_a_cannot_have_got_no_b_gets_unless_its_line_says_so(b: Backend) -> None:
    with refusing_port() as port, Backend() as other:
        lines = ["-b", b.url, "-b", f"{other.url} when-a-fails=send"]
        with Tee("-a", f"http://127.0.0.1:{port}", *lines) as tee:
            assert [ask(tee.port, "POST", f"/{each}", body=b"x").status for each in range(6)] == [502] * 6
            first, second = tee.settled(6)
            assert first.drops == {"primary_failed": 6}
            assert second.delivered == 6
    assert b.requests == []


def test_the_option_is_for_every_b(b: Backend) -> None:
    with refusing_port() as port, Tee("-a", f"127.0.0.1:{port}", "-b", b.url, "-b.when-a-fails", "send") as tee:
        ask(tee.port)
        assert tee.settled(1)[0].delivered == 1


def test_an_a_that_never_accepts_has_not_got_it_either(b: Backend) -> None:
    with unaccepting_port() as port, Tee("-a", f"127.0.0.1:{port}", "-b", b.url, "-a.timeout", "200") as tee:
        assert ask(tee.port).status == 504
        assert tee.settled(1)[0].drops == {"primary_failed": 1}


def test_nor_has_an_a_whose_certificate_does_not_verify(b: Backend, tmp_path: Path) -> None:
    with ScriptedServer(scripts.answer()) as a:
        a.tls = Authority(tmp_path).server()
        with Tee("-a", f"https://127.0.0.1:{a.port}", "-b", b.url) as tee:
            assert ask(tee.port).status == 502
            assert tee.settled(1)[0].drops == {"primary_failed": 1}


@pytest.mark.parametrize(
    "script", [scripts.reset_after(), scripts.garbage(), scripts.blackhole()], ids=["reset", "garbage", "silence"]
)
def test_what_was_sent_to_a_is_cloned_whatever_a_did_then(script: object, b: Backend) -> None:
    with ScriptedServer(script) as a, Tee("-a", a.url, "-b", b.url, "-a.timeout", "300") as tee:  # type: ignore[arg-type]
        assert ask(tee.port, "POST", body=b"x").status in (502, 504)
        assert tee.settled(1)[0].delivered == 1


def test_the_log_says_when_a_goes_down_and_comes_up_once_for_all_processes(b: Backend) -> None:
    port = free_port()
    with Tee("-a", f"http://127.0.0.1:{port}", "-b", b.url, "-processes", "2", "-no-pin") as tee:
        for _ in range(12):
            assert ask(tee.port).status == 502
        tee.program.wait_for_line(
            rf"WARNING A http://127\.0\.0\.1:{port} is down: connect \(.*refused\); clients get 502"
        )
        with Backend(port=port):
            assert ask(tee.port).status == 200
            tee.program.wait_for_line(r"INFO A http://\S+ is up again after \d+\.\d s; 12 requests failed")
        tee.settled(13)
        tee.stop()
        assert tee.program.output.count(" is down: ") == 1
        line = r" A answered=13 \(200=1 502=12\) errors=12 \(connect=12\) refused=0 client_gone=0 "
        assert len(tee.program.wait_for_line(line)) == 1


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_a_that_is_not_there_is_warned_of_without_a_request(processes: str) -> None:
    with refusing_port() as port, Tee("-a", f"127.0.0.1:{port}", "-processes", processes, "-no-pin") as tee:
        tee.program.wait_for_line(r"WARNING A http://\S+ is down: connect ")


def test_a_request_that_was_lost_on_an_idle_connection_may_have_been_executed() -> None:
    """A closes an idle connection after it has read the request, and then listens no more."""

    def once(connection: object) -> None:
        connection.request()  # type: ignore[attr-defined]
        connection.send(scripts.response())  # type: ignore[attr-defined]
        connection.request()  # type: ignore[attr-defined]
        connection.server._listener.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined]

    with ScriptedServer(once) as a:
        upstream = primary_upstream(load(["-a", a.url], {}))
        primary = Primary(upstream, Timeouts(2, 2, 2), Ledger([]).worker(0))
        request = Request("GET", "/", [("Host", "h")], b"", "", "http")
        answer = primary.answer(request)
        assert answer.status == 200
        answer.close()
        lost = primary.answer(request)
        assert (lost.status, lost.unsent) == (502, False)
        assert primary.answer(request).unsent
        primary.close()
