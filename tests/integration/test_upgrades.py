"""Upgraded connections: what goes to A, what comes back, what neither side may smuggle, and how they end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import RawClient, ask, request_bytes
from tests.support.net import eventually, free_port
from tests.support.programs import mounted
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import answer, response
from tests.support.tee import Tee
from tests.support.tls import Authority
from tests.support.wire import Headers

pytestmark = pytest.mark.integration

UPGRADE = [("Connection", "keep-alive, Upgrade"), ("X-a", "1"), ("uPGRADE", "echo/1")]
SWITCH = b"HTTP/1.1 101 Over to you\r\nUpgrade: Echo/1\r\nX-b: 2\r\nconnection: upgrade\r\nContent-Length: 9\r\n\r\n"
UPGRADED = r"upgraded opened=(\d+) open=(\d+)(?: \(([^)]*)\))? received=(\d+) sent=(\d+)"


def switching(connection: Connection, behind: bytes = b"") -> bool:
    """Answer a request for `echo/1` with a 101 and these bytes, and any other with 200. False at the end."""
    while (request := connection.request()) is not None:
        if request.value("Upgrade"):
            connection.send(SWITCH + behind)
            return True
        connection.send(response(body=b"ordinary"))
    return False


def echo(connection: Connection) -> None:
    """Switch, then send back what comes until its end."""
    if switching(connection):
        while data := connection.reader.some():
            connection.send(data)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["plain", "tls"])
def _both(request: pytest.FixtureRequest, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs without TLS, then with TLS on every side."""
    if request.param == "tls":
        certificate = authority.issue()
        monkeypatch.setattr(
            Tee, "always", ("-cert.file", certificate, "-a.ca", authority.file, "-b.ca", authority.file)
        )
        monkeypatch.setattr(RawClient, "tls", authority.client())
        monkeypatch.setattr(ScriptedServer, "tls", authority.server())


BOTH = pytest.mark.usefixtures("_both")


@pytest.fixture
def a() -> Iterator[ScriptedServer]:
    with ScriptedServer(echo) as server:
        yield server


def upgrade(client: RawClient, behind: bytes = b"", headers: Headers | None = None) -> None:
    """Ask for `echo/1`, get it."""
    client.send(request_bytes(headers=headers or UPGRADE) + behind)
    assert client.answer().status == 101


def received(client: RawClient, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := client.reader.some()):
        data += piece
    return data


def tunnels(tee: Tee) -> dict[str, int]:
    """What the ledger says of upgraded connections."""
    mark = tee.program.mark()
    tee.program.send_signal(signal.SIGUSR1)
    (found,) = tee.program.wait_for_line(UPGRADED, after=mark)
    ended = dict(word.split("=") for word in (found[3] or "").split())
    return {
        "opened": int(found[1]),
        "open": int(found[2]),
        "received": int(found[4]),
        "sent": int(found[5]),
        **{key: int(value) for key, value in ended.items()},
    }


def ended(tee: Tee, how: str, count: int = 1) -> dict[str, int]:
    """The same, once so many connections have ended so."""
    return eventually(lambda: found if (found := tunnels(tee)).get(how) == count else None, f"the end {how}")


def is_reset(client: RawClient) -> bool:
    """Wait for the end of the connection; whether it is a reset."""
    try:
        while client.sock.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


# --- What is passed on ------------------------------------------------------------------------------------------------


@BOTH
def test_the_fields_go_to_a_in_their_places_and_its_101_comes_back_unchanged(a: ScriptedServer) -> None:
    with Tee("-a", a.url, "-no-via") as tee, RawClient(tee.port) as client:
        client.send(request_bytes(target="/chat?x", headers=UPGRADE))
        got = client.answer()
        assert (got.start, got.headers) == (
            "HTTP/1.1 101 Over to you",
            [("Upgrade", "Echo/1"), ("X-b", "2"), ("connection", "upgrade")],
        )
        (request,) = a.wait_for_requests()
        assert request.start == "GET /chat?x HTTP/1.1"
        assert request.headers == [("Host", "tee.localhost"), *UPGRADE]
        for text in (b"abc", b"\x00\xff" * 5, b"GET / HTTP/1.1\r\n\r\n"):
            client.send(text)
            assert received(client, len(text)) == text


@BOTH
def test_what_stands_behind_the_heads_belongs_to_the_tunnel() -> None:
    def script(connection: Connection) -> None:
        if switching(connection, behind=b"from A"):
            while data := connection.reader.some():
                connection.send(data)

    early = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        upgrade(client, behind=early)
        assert received(client, 6 + len(early)) == b"from A" + early
        assert len(a.requests) == 1


@BOTH
def test_megabytes_go_both_ways_at_once(a: ScriptedServer) -> None:
    data = os.urandom(1 << 20) * 8
    with Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        upgrade(client)
        sock = client.sock
        if RawClient.tls is None:
            sender = threading.Thread(target=sock.sendall, args=(data,))
            sender.start()
            assert received(client, len(data)) == data
            sender.join()
        else:  # a socket of TLS is for one thread at a time
            for at in range(0, len(data), 65536):
                client.send(data[at : at + 65536])
                assert received(client, 65536) == data[at : at + 65536]
        client.close()
        assert ended(tee, "closed" if RawClient.tls is None else "reset")["received"] == len(data)


@BOTH
def test_a_that_ends_ends_the_client_and_not_by_a_reset() -> None:
    def script(connection: Connection) -> None:
        if switching(connection):
            connection.send(b"goodbye")

    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        upgrade(client)
        assert received(client, 100) == b"goodbye"
        assert client.reader.some() == b""


def test_over_unix_sockets_bytes_go_both_ways_and_a_cut_is_a_reset(tmp_path: Path) -> None:
    front = f"unix:{tmp_path / 'tee.sock'}"
    with (
        ScriptedServer(echo, path=str(tmp_path / "a.sock")) as a,
        Tee("-a", a.url, "-drain-timeout", "300", listen=front) as tee,
        RawClient(0, path=tee.path) as client,
    ):
        upgrade(client, behind=b"early")
        assert received(client, 5) == b"early"
        client.send(bytes(1000))
        assert received(client, 1000) == bytes(1000)
        tee.program.send_signal(signal.SIGTERM)
        assert is_reset(client)
        tee.program.wait_for_line(r"cut off: 1 upgraded connection$")


def test_half_a_close_is_passed_on_and_the_other_half_goes_on() -> None:
    def script(connection: Connection) -> None:
        if switching(connection):
            text = b""
            while data := connection.reader.some():
                text += data
            for piece in (text[::-1], b"!"):
                connection.send(piece)

    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        upgrade(client)
        client.send(b"abc")
        client.sock.shutdown(socket.SHUT_WR)
        assert received(client, 100) == b"cba!"
        assert ended(tee, "closed") == {"opened": 1, "open": 0, "closed": 1, "received": 3, "sent": 4}


def test_a_reset_of_one_side_is_a_reset_of_the_other() -> None:
    gone = threading.Event()

    def script(connection: Connection) -> None:
        if switching(connection) and connection.reader.some() == b"reset":
            connection.reset()
        else:
            try:
                connection.sock.recv(1)
            except ConnectionResetError:
                gone.set()

    with ScriptedServer(script) as a, Tee("-a", a.url) as tee:
        with RawClient(tee.port) as client:
            upgrade(client, behind=b"reset")
            assert is_reset(client)
        assert ended(tee, "reset")
        with RawClient(tee.port) as client:
            upgrade(client, behind=b"else")
            eventually(lambda: tunnels(tee)["received"] >= 9)
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert gone.wait(10)


@BOTH
def test_a_client_that_does_not_read_makes_a_wait_and_loses_nothing() -> None:
    most = 24 << 20
    sent = [0]

    def script(connection: Connection) -> None:
        if switching(connection):
            piece = bytes(range(256)) * 256
            while sent[0] < most:
                connection.send(piece)
                sent[0] += len(piece)

    with ScriptedServer(script) as a, Tee("-a", a.url, "-processes", "1") as tee, RawClient(tee.port) as client:
        before = resident(tee.program.pid)
        upgrade(client)
        eventually(lambda: sent[0] > 0 and stands_still(sent), "A that waits")
        assert sent[0] < most
        assert resident(tee.program.pid) - before < 8 << 20
        data, expected, size = b"", bytes(range(256)), 0
        while size < most:
            data = client.reader.some()
            assert data == (expected * 513)[size % 256 :][: len(data)]
            size += len(data)


def resident(pid: int) -> int:
    """The resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stands_still(count: list[int]) -> bool:
    before = count[0]
    threading.Event().wait(0.5)
    return count[0] == before


# --- What is no upgrade -----------------------------------------------------------------------------------------------


@BOTH
def test_any_other_answer_is_ordinary_and_what_stands_behind_the_request_is_the_next_one() -> None:
    with ScriptedServer(answer()) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes(target="/1", headers=UPGRADE) + request_bytes(target="/2") + request_bytes("PUT"))
        assert [client.answer().status for _ in range(3)] == [200] * 3
        assert [request.target for request in a.requests] == ["/1", "/2", "/"]
        assert a.connections == 1


@pytest.mark.parametrize(
    ("headers", "upgrade_at_a"),
    [
        ([("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk")], None),
        ([("Connection", "Upgrade"), ("Upgrade", "H2C"), ("http2-settings", "AAMAAABk")], None),
        ([("Connection", "Upgrade"), ("Upgrade", "HTTP/2.0")], None),
        ([("Connection", "Upgrade"), ("Upgrade", "TLS/1.0")], None),
        ([("Connection", "Upgrade"), ("Upgrade", "h2c, h2c/1 , h2c;x")], None),
        ([("Connection", "Upgrade"), ("Upgrade", "\th2c,echo/1 ")], "echo/1"),
        ([("Connection", "Upgrade"), ("Upgrade", "echo/1"), ("Upgrade", "h2c")], "echo/1"),
        ([("Upgrade", "echo/1")], None),
        ([("Connection", "close"), ("Upgrade", "echo/1")], None),
        ([("Connection", "xupgrade"), ("Upgrade", "echo/1")], None),
        ([("Connection", "upgrade")], None),
        ([("Connection", "upgrade"), ("Upgrade", "")], None),
        ([("Proxy-Connection", "upgrade"), ("Upgrade", "echo/1")], None),
    ],
)
def test_no_request_gets_by_the_tee(a: ScriptedServer, headers: Headers, upgrade_at_a: str | None) -> None:
    with ScriptedServer(answer()) as b, Tee("-a", a.url, "-b", b.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes(headers=headers))
        assert client.answer().status == (101 if upgrade_at_a else 200)
        (request,) = a.wait_for_requests()
        assert request.value("Upgrade") == upgrade_at_a
        assert request.value("HTTP2-Settings") is None
        assert "HTTP2" not in (request.value("Connection") or "")
        (ledger,) = tee.settled(1)
        assert (ledger.delivered, ledger.dropped) == ((0, 1) if upgrade_at_a else (1, 0))


def test_a_request_of_http_1_0_cannot_ask(a: ScriptedServer) -> None:
    with Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(b"GET / HTTP/1.0\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n")
        assert client.answer().status == 200
        assert a.requests[0].value("Upgrade") is None


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ([], b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n"),
        (UPGRADE, b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
        (UPGRADE, b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: echo/1, h2c\r\n\r\n"),
        (UPGRADE, b"HTTP/1.1 101 X\r\nConnection: upgrade\r\n\r\n"),
        ([("Connection", "upgrade"), ("Upgrade", "h2c")], b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\n\r\n"),
    ],
)
def test_a_101_that_was_not_asked_for_is_an_error_of_a(asked: Headers, answered: bytes) -> None:
    came: list[list[str | None]] = []

    def script(connection: Connection) -> None:
        targets: list[str | None] = []
        came.append(targets)
        for answer_to_it in (answered, b""):
            request = connection.request()
            connection.send(answer_to_it)
            targets.append(request.target if request is not None else None)

    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes(headers=asked) + request_bytes(target="/2"))
        got = client.answer()
        assert (got.status, got.value("X-Httptee-Error")) == (502, "primary_protocol")
        # What came behind is a request of its own. It goes to A by another connection, never by the one of the 101.
        eventually(lambda: came[:2] == [["/", None], ["/2", None]])


@BOTH
def test_a_request_with_a_body_may_ask_and_its_body_is_none_of_the_tunnel(a: ScriptedServer) -> None:
    body = bytes(range(256)) * 1024
    with Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes("POST", headers=UPGRADE, body=body) + b"behind")
        assert client.answer("POST").status == 101
        assert received(client, 6) == b"behind"
        assert (a.requests[0].method, a.requests[0].body) == ("POST", body)


def test_a_101_before_the_end_of_the_request_is_an_error_of_a() -> None:
    def script(connection: Connection) -> None:
        connection.head()
        connection.send(SWITCH)
        connection.reset()

    with ScriptedServer(script) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        client.send(request_bytes("POST", headers=UPGRADE, body=bytes(8 << 20)))
        got = client.answer("POST")
        assert got.status == 502
        assert got.value("X-Httptee-Error") in ("primary_protocol", "primary_reset")


# --- Limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", ["1", "2"])
def test_beyond_the_limit_the_answer_is_503_and_a_is_not_asked(a: ScriptedServer, processes: str) -> None:
    with Tee("-a", a.url, "-upgrades", "2", "-processes", processes) as tee:
        with RawClient(tee.port) as one, RawClient(tee.port) as two, RawClient(tee.port) as three:
            upgrade(one)
            upgrade(two)
            client = three
            client.send(request_bytes(headers=UPGRADE))
            got = client.answer()
            assert (got.status, got.value("X-Httptee-Error")) == (503, "too_many_upgrades")
            assert got.value("Retry-After") == "1"
            assert client.ask().status == 200
            assert len(a.requests) == 3
            one.close()
            eventually(lambda: tunnels(tee)["open"] == 1)
            upgrade(client)
        assert re.search(r"A answered=4 \(101=3 200=1\) errors=0 refused=1 ", tee.program.stop())
        tee.final = [None]  # type: ignore[list-item]


def test_with_a_limit_of_0_requests_go_on_without_the_fields(a: ScriptedServer) -> None:
    with Tee("-a", a.url, "-upgrades", "0") as tee:
        assert ask(tee.port, headers=UPGRADE).status == 200
        assert a.requests[0].value("Upgrade") is None


def test_a_request_that_a_refuses_gives_its_place_back() -> None:
    with ScriptedServer(answer(response("403 Forbidden"))) as a, Tee("-a", a.url, "-upgrades", "1") as tee:
        assert [ask(tee.port, headers=UPGRADE).status for _ in range(3)] == [403] * 3
        a.stop()
        assert [ask(tee.port, headers=UPGRADE).status for _ in range(3)] == [502] * 3


def test_a_client_that_goes_before_the_101_leaves_no_place_taken() -> None:
    asked = threading.Event()
    go = threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        asked.set()
        connection.wait_for(go)
        connection.send(SWITCH)
        connection.reader.some()

    with ScriptedServer(script) as a, Tee("-a", a.url, "-upgrades", "1", "-a.timeout", "20s") as tee:
        with RawClient(tee.port) as client:
            client.send(request_bytes(headers=UPGRADE))
            assert asked.wait(10)
        go.set()
        with RawClient(tee.port) as client:
            eventually(lambda: client.ask(headers=UPGRADE).status == 101, "a place")


@BOTH
def test_one_that_carries_nothing_for_too_long_is_reset(a: ScriptedServer) -> None:
    with Tee("-a", a.url, "-upgrade-idle-timeout", "300") as tee, RawClient(tee.port) as client:
        upgrade(client)
        assert is_reset(client)
        assert ended(tee, "idle")
        eventually(lambda: not a.open_connections)


# --- Clones -----------------------------------------------------------------------------------------------------------


@BOTH
def test_b_gets_nothing_unless_its_line_says_handshake(a: ScriptedServer) -> None:
    closed = threading.Event()

    def shake(connection: Connection) -> None:
        if switching(connection):
            with contextlib.suppress(OSError):  # with TLS, the tee says no goodbye
                connection.reader.some()
            closed.set()

    with (
        ScriptedServer(echo) as b,
        ScriptedServer(shake) as c,
        Tee("-a", a.url, "-b", f"{b.url} name=b", "-b", f"{c.url} name=c upgrade=handshake", "-no-via") as tee,
        RawClient(tee.port) as client,
    ):
        for _ in range(2):
            assert client.ask().status == 200
        upgrade(client)
        client.send(b"abc")
        assert received(client, 3) == b"abc"
        plain, shaking = tee.settled(3)
        assert (plain.delivered, plain.dropped, plain.drops) == (2, 1, {"filtered": 1})
        assert (shaking.delivered, shaking.statuses) == (3, {"101": 1, "200": 2})
        assert [("Host", "tee.localhost"), *UPGRADE] in [request.headers for request in c.requests]
        assert closed.wait(10), "the connection that B has upgraded does not end"
        assert not any(request.value("Upgrade") for request in b.requests)


# --- The end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("processes", ["1", "2"])
def test_at_the_end_of_the_tee_they_go_on_and_are_reset_after_the_drain(a: ScriptedServer, processes: str) -> None:
    with Tee("-a", a.url, "-processes", processes, "-drain-timeout", "1500") as tee, RawClient(tee.port) as client:
        upgrade(client)
        tee.program.send_signal(signal.SIGTERM)
        tee.program.wait_for_line(r"draining, for at most 1.5 s: .*1 upgraded connection, ")
        client.send(b"still")
        assert received(client, 5) == b"still"
        assert is_reset(client)
        tee.program.wait_for_line(r"drained in .*; cut off: 1 upgraded connection$")
        tee.program.wait_for_line(r"upgraded opened=1 open=0 \(closing=1\) received=5 sent=5")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_tee_ends_when_the_last_one_has_ended(a: ScriptedServer, processes: str) -> None:
    with Tee("-a", a.url, "-processes", processes, "-drain-timeout", "60s") as tee, RawClient(tee.port) as client:
        upgrade(client)
        tee.program.send_signal(signal.SIGTERM)
        tee.program.wait_for_line("draining")
        client.close()
        tee.program.wait_for_line(r"drained in .*; nothing was cut off$")


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_reload_keeps_them_for_the_drain_timeout(a: ScriptedServer, processes: str) -> None:
    with Tee("-a", a.url, "-processes", processes, "-drain-timeout", "3s") as tee:
        with RawClient(tee.port) as old, RawClient(tee.port) as new:
            upgrade(old)
            tee.program.send_signal(signal.SIGHUP)
            tee.program.wait_for_line("reloaded: ")
            upgrade(new)
            for client in (old, new):
                client.send(b"abc")
                assert received(client, 3) == b"abc"
            assert is_reset(old)
            tee.program.wait_for_line("drained in .*cut off: 1 upgraded connection")
            new.send(b"def")
            assert received(new, 3) == b"def"
            found = tunnels(tee)
            assert (found["opened"], found["open"], found["closing"]) == (2, 1, 1)
        eventually(lambda: tunnels(tee)["open"] == 0)


def test_a_killed_worker_process_resets_both_sides_and_counts_as_lost() -> None:
    how: list[str] = []

    def script(connection: Connection) -> None:
        if switching(connection):
            try:
                how.append(repr(connection.sock.recv(1)))
            except ConnectionResetError:
                how.append("reset")

    with ScriptedServer(script) as a, Tee("-a", a.url, "-processes", "2") as tee, RawClient(tee.port) as client:
        upgrade(client)
        for pid in tee.program.group():
            if pid != tee.program.pid:
                os.kill(pid, signal.SIGKILL)
        assert is_reset(client)
        assert eventually(lambda: how) == ["reset"]
        assert ended(tee, "lost")["open"] == 0
        eventually(lambda: ask(tee.port).status == 200)


# --- What is seen, and other servers ----------------------------------------------------------------------------------


def test_log_status_and_metrics_tell_of_them(a: ScriptedServer, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "access.log"
    words = ("-access-log", str(log), "-access-log-format", "json", "-admin", f"127.0.0.1:{port}")
    with Tee("-a", a.url, *words) as tee, RawClient(tee.port) as client:
        upgrade(client)
        client.send(b"abcde")
        assert received(client, 5) == b"abcde"
        found = eventually(
            lambda: status if (status := json.loads(ask(port, target="/status").body))["a"]["tunnels"]["sent"] else None
        )
        assert found["a"]["tunnels"] == {"open": 1, "opened": 1, "ended": {}, "received": 5, "sent": 5}
        assert sum(worker["tunnels"] for worker in found["workers"]) == 1
        assert eventually(
            lambda: sum(w["connections"] for w in json.loads(ask(port, target="/status").body)["workers"])
        )
        metrics = ask(port, target="/metrics").body.decode()
        assert "\nhttptee_tunnels 1.0\n" in metrics
        assert '\nhttptee_tunnel_bytes_total{direction="received"} 5.0\n' in metrics
        assert log.read_text() == ""
        client.close()
        record = json.loads(eventually(log.read_text, "a record"))
        assert (record["status"], record["bytes"], record["tunnel"]) == (101, 5, {"end": "closed", "received": 5})


@pytest.mark.parametrize("server", [("gunicorn", "--worker-class=gthread", "--threads=4"), ("waitress",)])
def test_under_another_server_nothing_is_upgraded(server: tuple[str, ...], a: ScriptedServer) -> None:
    with mounted(server[0], {"HTTPTEE_A": a.url}, *server[1:]) as (port, _):
        assert ask(port, headers=UPGRADE).status == 200
        assert a.requests[0].value("Upgrade") is None
