"""A tee that would send to itself, or twice to A: refused at the start; and ended where it comes about later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import eventually, free_port
from tests.support.scripted import Connection, ScriptedServer
from tests.support.tee import Tee, run_tee

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("listen", [":{}", "127.0.0.1:{}"])
@pytest.mark.parametrize("command", [(), ("check",)])
def test_a_tee_does_not_start_with_itself_as_an_upstream(listen: str, command: tuple[str, ...]) -> None:
    port, admin = free_port(), free_port()
    with Backend() as a:
        own = ["-l", listen.format(port), "-admin", f"127.0.0.1:{admin}"]
        for words, who in (
            (["-a", f"127.0.0.1:{port}"], "A"),
            (["-a", a.url, "-b", f"http://localhost:{port}"], "B"),
            (["-a", a.url, "-b", f"http://127.0.0.1:{admin}/status"], "B"),
            (["-a", a.url, "-b", a.url], "B"),
        ):
            done = run_tee(*command, *own, *words)
            assert done.returncode == 2
            (line,) = [line for line in done.stderr.splitlines() if line.startswith("httptee: ")]
            assert line.startswith(f"httptee: {who} http://")
            assert "-allow-same" in line
        assert a.requests == []


def test_a_reload_that_would_lead_back_changes_nothing(tmp_path: Path) -> None:
    with Backend() as a, Backend() as b:
        port = free_port()
        ini = tmp_path / "httptee.ini"
        ini.write_text(f"a = {a.url}\nb = {b.url}\n")
        with Tee("--config", str(ini), listen=f"127.0.0.1:{port}") as tee:
            ini.write_text(f"a = {a.url}\nb = 127.0.0.1:{port}\n")
            tee.program.send_signal(1)
            tee.program.wait_for_line("reload refused, nothing changes: B http://127.0.0.1:.* is this tee itself")
            assert ask(tee.port).status == 200
            assert tee.settled(1)[0].delivered == 1


def test_a_b_that_is_a_may_be_permitted() -> None:
    with Backend() as a, Tee("-a", a.url, "-b", f"{a.url} allow-same") as tee:
        assert ask(tee.port).status == 200
        tee.settled(1)
        assert len(a.requests) == 2


@pytest.mark.parametrize("words", [[], ["-no-via"], ["-no-via", "-forward-client-ip"]])
def test_a_loop_of_clones_ends(words: list[str]) -> None:
    port = free_port()
    with Backend() as a:
        loop = ["-a", a.url, "-b", f"127.0.0.1:{port}", "-allow-same", *words]
        with Tee(*loop, listen=f"127.0.0.1:{port}") as tee:
            assert ask(tee.port, "POST", "/order", body=b"x").status == 200
            (ledger,) = eventually(
                lambda: [one for one in tee.ledgers() if one.statuses.get("508") and not one.in_flight], "the end"
            )
            assert ledger.statuses["508"] == 1
            assert len(a.requests) == ledger.seen <= 64 * 2 + 1
            before = ledger.seen
            ask(tee.port, "POST", "/order", body=b"x")
            eventually(lambda: tee.ledger().statuses["508"] > 1, "the end of the second loop")
            assert tee.ledger().seen - before <= ledger.seen
            untouched = next(request for request in a.requests)
            assert "X-Httptee-Loop" not in {name for name, _ in untouched.headers}


@pytest.mark.parametrize("words", [[], ["-no-via"]])
def test_a_loop_through_another_server_to_a_ends_with_508(words: list[str]) -> None:
    port = free_port()

    def relay(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            answer = ask(port, "GET", request.target, [pair for pair in request.headers if pair[0] != "Host"])
            connection.send(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % answer.status)

    with (
        ScriptedServer(relay) as other,
        Tee("-a", other.url, "-threads", "400", "-a.timeout", "20000", *words, listen=f"127.0.0.1:{port}") as tee,
    ):
        assert ask(tee.port, "GET", "/").status == 508
        assert len(other.requests) <= 2 * 64 + 1
