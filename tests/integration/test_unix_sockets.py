"""Unix sockets on every side: of clients, of A, of a B and of the admin listener."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, request_bytes
from tests.support.net import eventually, require
from tests.support.programs import nginx, run
from tests.support.scripted import Connection, ScriptedServer
from tests.support.tee import Tee, run_tee
from tests.support.tls import Authority

pytestmark = pytest.mark.integration

MODES = pytest.mark.parametrize("processes", ["1", "2"])


def curl(path: Path, *words: str) -> str:
    """What curl prints of an answer that came over a Unix socket."""
    return run([require("curl"), "-sS", "--unix-socket", str(path), *words])


@MODES
def test_every_side_may_be_a_unix_socket(tmp_path: Path, processes: str) -> None:
    front, admin = tmp_path / "tee.sock", tmp_path / "admin.sock"
    with Backend(path=str(tmp_path / "a.sock")) as a, Backend(path=str(tmp_path / "b.sock")) as b:
        words = ("-a", f"{a.url}:/prefix", "-b", f"{b.url} host=target", "-admin", f"unix:{admin}")
        with Tee(*words, "-processes", processes, "-forward-client-ip", listen=f"unix:{front}") as tee:
            assert tee.path == str(front)
            with RawClient(0, path=tee.path) as client:
                for number in range(50):
                    answer = client.ask("POST", f"/{number}", body=b"x" * 10_000)
                    assert (answer.status, answer.keeps_alive) == (200, True)
                assert client.ask("PUT", "/large", body=b"y" * 3_000_000).status == 200
            assert curl(front, "http://shop/curl", "-o", "/dev/null", "-w", "%{http_code}") == "200"
            (ledger,) = tee.settled(52)
            assert (ledger.delivered, ledger.drops) == (51, {"too_large": 1})
            assert curl(admin, "http://localhost/healthz") == "ok\n"
            assert run_tee("verdict", f"unix:{admin}").returncode != 0  # without -verdict there is none
        assert not front.exists()
        assert not admin.exists()
        assert a.connections < 10  # they are kept
        assert b.connections < 30
        last = a.requests[-1]
        assert (last.target, last.value("Host"), last.value("Forwarded")) == (
            "/prefix/curl",
            "shop",
            "for=unknown;proto=http",
        )
        assert last.value("X-Forwarded-For") is None
        assert {request.value("Host") for request in b.requests} == {"localhost"}


def test_nginx_before_and_behind_the_tee(tmp_path: Path) -> None:
    """nginx speaks HTTP/1.0 to its upstream unless it is told otherwise."""
    front, behind = tmp_path / "tee.sock", tmp_path / "nginx.sock"
    more = f"listen unix:{behind}; location /through/ {{ proxy_pass http://unix:{front}:/; }}"
    (tmp_path / "nginx" / "html").mkdir(parents=True)
    (tmp_path / "nginx" / "html" / "file").write_bytes(b"z" * 500_000)
    with (
        nginx(tmp_path / "nginx", more=more) as port,
        Backend() as b,
        Tee(
            "-a", f"unix:{behind}", "-b", b.url, "-processes", "2", "-socket-mode", "666", listen=f"unix:{front}"
        ) as tee,
    ):
        with RawClient(port) as client:
            for _ in range(5):
                answer = client.ask(target="/through/file")
                assert (answer.status, len(answer.body)) == (200, 500_000)
        tee.settled(5)


def test_an_answer_without_a_length_that_breaks_off_is_an_error_for_the_client(tmp_path: Path) -> None:
    broken = threading.Event()

    def script(connection: Connection) -> None:
        while connection.request() is not None:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            connection.wait_for(broken)
            connection.reset()

    front = tmp_path / "tee.sock"
    with ScriptedServer(script) as a, Tee("-a", a.url, "-processes", "1", listen=f"unix:{front}") as tee:
        with RawClient(0, path=tee.path) as client:
            client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
            received = b""
            while not received.endswith(b"hello"):
                received += client.sock.recv(1000)
            broken.set()
            with pytest.raises(ConnectionResetError):
                client.sock.recv(1000)
        with RawClient(0, path=tee.path) as client:
            client.send(b"GET / HTTP/1.0\r\nHost: a\r\nConnection: close\r\n\r\n")
            assert client.sock.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_whole_answer_without_a_length_ends_normally(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        while connection.request() is not None:
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            connection.pause(0.05)
            connection.send(b"0\r\n\r\n")

    front = str(tmp_path / "tee.sock")
    with ScriptedServer(script) as a, Tee("-a", a.url, listen=f"unix:{front}"), RawClient(0, path=front) as client:
        client.send(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        received = b""
        while data := client.sock.recv(1000):
            received += data
        assert received.endswith(b"\r\n\r\nhello")


def test_a_client_that_goes_ends_its_request_at_a(tmp_path: Path) -> None:
    closed = threading.Event()

    def script(connection: Connection) -> None:
        connection.request()
        connection.sock.recv(1)
        closed.set()

    with (
        ScriptedServer(script) as a,
        Tee("-a", a.url, "-a.timeout", "60s", listen=f"unix:{tmp_path / 'tee.sock'}") as tee,
    ):
        with RawClient(0, path=tee.path) as client:
            client.send(request_bytes())
            a.wait_for_requests()
        assert closed.wait(10), "A's connection stays open"


@MODES
def test_a_reload_refuses_nobody_and_leaves_the_file(tmp_path: Path, processes: str) -> None:
    front = tmp_path / "tee.sock"
    wrong: list[object] = []
    stop = threading.Event()

    def ask_on() -> None:
        while not stop.is_set():
            try:
                with RawClient(0, path=str(front)) as client:
                    if client.ask().status != 200:
                        wrong.append("status")
            except OSError as error:
                wrong.append(error)

    with Backend() as a, Tee("-a", a.url, "-processes", processes, listen=f"unix:{front}") as tee:
        threads = [threading.Thread(target=ask_on) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(2):
            mark = tee.program.mark()
            tee.program.send_signal(signal.SIGHUP)
            tee.program.wait_for_line(r"drained in", after=mark)
        stop.set()
        for thread in threads:
            thread.join()
        assert front.exists()
        tee.stop()
    assert not wrong
    assert not front.exists()


@MODES
def test_a_file_that_a_killed_tee_has_left_is_taken_over_and_a_living_one_is_not(
    tmp_path: Path, processes: str
) -> None:
    front = tmp_path / "tee.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(front))
    with Backend() as a, Tee("-a", a.url, "-processes", processes, listen=f"unix:{front}") as tee:
        with RawClient(0, path=tee.path) as client:
            assert client.ask().status == 200
        second = run_tee("-a", a.url, "-l", f"unix:{front}")
        assert second.returncode == 1
        assert second.stderr.endswith(f"cannot listen on unix:{front}: another process listens there\n")
        assert os.stat(front).st_mode & 0o777 == 0o660
        with RawClient(0, path=tee.path) as client:
            assert client.ask().status == 200


def test_a_worker_process_that_is_killed_leaves_the_file(tmp_path: Path) -> None:
    front = tmp_path / "tee.sock"
    with Backend() as a, Tee("-a", a.url, "-processes", "2", listen=f"unix:{front}") as tee:
        children = Path(f"/proc/{tee.program.pid}/task/{tee.program.pid}/children")
        before = eventually(lambda: found if len(found := children.read_text().split()) == 2 else [], "two processes")
        os.kill(int(before[0]), signal.SIGKILL)
        eventually(lambda: len(set(children.read_text().split()) - set(before)) == 1, "another worker process")
        for _ in range(4):
            with RawClient(0, path=tee.path) as client:
                assert client.ask().status == 200


def test_check_connects_to_unix_sockets(tmp_path: Path) -> None:
    with Backend(path=str(tmp_path / "a.sock")) as a:
        checked = run_tee("check", "-a", a.url, "-b", f"unix:{tmp_path / 'none.sock'}")
    assert checked.returncode == 1
    lines = checked.stdout.splitlines()
    assert "connected in" in lines[1]
    assert lines[2].endswith("connect: No such file or directory")


def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path) -> None:
    for words, said in (
        (("-l", f"unix:{tmp_path}/none/tee.sock"), "No such file or directory"),
        (("-l", f"unix:{tmp_path}/tee.sock", "-socket-owner", "no-such-user"), "no such user or group: no-such-user"),
        (("-l", ":0", "-admin", f"unix:{tmp_path}/none/a.sock"), "No such file or directory"),
    ):
        ended: subprocess.CompletedProcess[str] = run_tee(*words)
        assert ended.returncode == 1
        assert ended.stderr.splitlines()[-1].startswith("httptee: cannot listen on unix:")
        assert ended.stderr.endswith(f"{said}\n")


def test_an_upgraded_connection_goes_through_unix_sockets(tmp_path: Path) -> None:
    def script(connection: Connection) -> None:
        connection.head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        while data := connection.sock.recv(65_536):
            connection.send(data)

    front, size = str(tmp_path / "tee.sock"), 5_000_000
    with (
        ScriptedServer(script, path=str(tmp_path / "a.sock")) as a,
        Tee("-a", a.url, listen=f"unix:{front}"),
        RawClient(0, path=front) as client,
    ):
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        head, _ = client.reader.head()
        assert head == "HTTP/1.1 101 Switching Protocols"
        sender = threading.Thread(target=client.send, args=(b"y" * size,))
        sender.start()
        received = 0
        while received < size:
            received += len(client.reader.some())
        sender.join()
        client.sock.shutdown(socket.SHUT_WR)
        assert client.at_end()


def test_tls_over_unix_sockets(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, front = authority.issue("inner.test"), tmp_path / "tee.sock"
    with Backend(path=str(tmp_path / "a.sock")) as a:
        a.tls = authority.server(certificate)
        words = ("-a", f"https://{a.url}", "-a.ca", authority.file, "-a.server-name", "inner.test")
        with Tee(*words, "-cert.file", certificate, listen=f"unix:{front}"):
            asked = ("--cacert", authority.file, "https://inner.test/x", "-o", "/dev/null", "-w", "%{http_code}")
            assert curl(front, *asked) == "200"
        assert a.requests[0].target == "/x"
