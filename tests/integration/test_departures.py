"""Clients that go away: others get every answer meanwhile, A is freed, and each of them is accounted for."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.load import Load
from tests.support.net import PATIENCE, eventually
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import chunked_response, response
from tests.support.tee import Tee

from .test_admin import ADMIN, admin_port, metrics, status

pytestmark = pytest.mark.integration

THREADS, CLIENTS = 16, 300
HOUR = "3600000"


def upstream(connection: Connection) -> None:
    """Quiet streams, answers that never come, one that never ends, and ordinary ones."""
    while request := connection.request():
        if request.target == "/stream":
            connection.send(chunked_response(b"first", last=False))
            connection.sock.recv(1)
            return
        if request.target == "/never":
            connection.sock.recv(1)
            return
        if request.target == "/endless":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
            while True:
                connection.send(bytes(100_000))
        connection.send(response())


def was_reset(client: socket.socket) -> bool:
    """Read to the end of a connection; whether it ended with a RST."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


def records(path: Path) -> list[Any]:
    """Every record of the log."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last one may still be written


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("target", ["/stream", "/never", "/endless"])
def test_many_that_leave_at_once_are_gone_and_change_nothing_for_others(
    processes: str, target: str, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    with (
        ScriptedServer(upstream) as a,
        Backend() as b,
        Tee(
            *("-a", a.url, "-b", b.url, "-processes", processes, "-threads", str(THREADS), "-a.timeout", HOUR),
            *("-a.idle-timeout", HOUR, "-client-timeout", HOUR, *ADMIN),
            *("-access-log", str(log), "-access-log-format", "json"),
        ) as tee,
        ExitStack() as stack,
    ):
        port = admin_port(tee)
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", tee.port))) for _ in range(CLIENTS)]
        for client in clients:
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        # Slow readers hold no thread of the limit. For the others, one process may have accepted all connections.
        a.wait_for_requests(CLIENTS if target == "/endless" else THREADS // int(processes))
        for client in clients:
            client.close()  # with a RST if it has unread bytes of an answer, otherwise with a FIN
        with Load(tee.port, 4) as load:
            eventually(lambda: load.answered > 100)
        assert not load.troubles
        gone = eventually(lambda: [each for each in records(log) if each["target"] == target][CLIENTS - 1 :])
        assert len(gone) == 1
        assert {each["status"] for each in records(log) if each["target"] == target} == {499}
        found = metrics(port)
        assert found["httptee_client_gone_total"] == CLIENTS
        assert sum(count for name, count in found.items() if name.startswith("httptee_primary_errors_total")) == 0
        assert status(port)["a"]["client_gone"] == CLIENTS
        # A may not have seen a request that was canceled while it was sent.
        answered = status(port)["a"]["answered"]
        assert len(a.requests) <= answered
        assert tee.settled(answered)
        eventually(lambda: a.open_connections <= 2 * THREADS)
        assert "Traceback" not in tee.program.output
        assert len(tee.program.lines) < 20


@pytest.mark.parametrize("rounds", [3])
def test_the_reload_of_a_single_process_leaves_nothing_of_the_old_server(rounds: int) -> None:
    """Uploads, streams and requests at A that do not end by themselves."""

    def descriptors() -> int:
        return len(list(Path(f"/proc/{tee.program.pid}/fd").iterdir()))

    def threads() -> int:
        return len(list(Path(f"/proc/{tee.program.pid}/task").iterdir()))

    arguments = (
        "-processes",
        "1",
        "-threads",
        "4",
        "-drain-timeout",
        "200",
        "-a.timeout",
        HOUR,
        "-a.idle-timeout",
        HOUR,
    )
    with ScriptedServer(upstream) as a, Tee("-a", a.url, *arguments) as tee:
        ask(tee.port)
        counts = []
        for number in range(1, rounds + 1):
            clients = [socket.create_connection(("127.0.0.1", tee.port), timeout=PATIENCE) for _ in range(3)]
            clients[0].sendall(b"GET /never HTTP/1.1\r\nHost: h\r\n\r\n")
            clients[1].sendall(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            clients[2].sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc")
            a.wait_for_requests(3 * number - 1)
            mark = tee.program.mark()
            tee.program.send_signal(1)
            tee.program.wait_for_line(r"\breloaded: ", after=mark)
            for client in clients:
                assert was_reset(client)
                client.close()
            eventually(lambda: a.open_connections <= 1)
            ask(tee.port)
            counts.append((descriptors(), threads()))
        eventually(lambda: descriptors() <= counts[0][0] and threads() <= counts[0][1], "the end of the old servers")
