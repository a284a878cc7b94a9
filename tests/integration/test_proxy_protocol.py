"""The PROXY protocol before the tee and behind it, with curl and nginx."""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path

import pytest

from httptee.http.peers.preamble import write_preamble
from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.net import eventually, free_port, require
from tests.support.programs import nginx, run
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

CLIENT = ("203.0.113.9", "4711")
PREAMBLES = {version: write_preamble(version, CLIENT, ("192.0.2.1", 80)) for version in ("v1", "v2")}


@pytest.mark.parametrize("processes", ["1", "2"])
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_client_is_the_one_of_the_preamble_for_a_for_b_and_in_the_log(
    tmp_path: Path, version: str, processes: str
) -> None:
    log = tmp_path / "log"
    words = ("-proxy-protocol", "127.0.0.0/8", "-forward-client-ip", "-access-log", str(log), "-processes", processes)
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", f"{b.url} set-header=X-Client:{{client}}", *words) as tee:
            with RawClient(tee.port) as client:
                client.send(PREAMBLES[version])
                for _ in range(3):
                    assert client.ask().status == 200
            tee.settled(3)
        assert {request.value("X-Forwarded-For") for request in a.requests} == {CLIENT[0]}
        assert {request.value("X-Client") for request in b.requests} == {CLIENT[0]}
    assert re.findall(r"^\S+", log.read_text(), re.MULTILINE) == [CLIENT[0]] * 3


def test_the_preamble_of_curl_is_read(tmp_path: Path) -> None:
    front = tmp_path / "tee.sock"
    with Backend() as a, Tee("-a", a.url, "-proxy-protocol", "127.0.0.1", "-forward-client-ip") as tee:
        said = ["-sS", "--haproxy-protocol", tee.url, "-o", "/dev/null", "-w", "%{http_code}"]
        assert run([require("curl"), *said]) == "200"
        assert a.requests[0].value("X-Forwarded-For") == "127.0.0.1"
    with Backend() as a, Tee("-a", a.url, "-proxy-protocol", "unix", "-forward-client-ip", listen=f"unix:{front}"):
        with RawClient(0, path=str(front)) as client:
            client.send(PREAMBLES["v2"])
            assert client.ask().status == 200
        assert a.requests[0].value("X-Forwarded-For") == CLIENT[0]


def test_a_connection_without_one_is_closed_and_counted_and_only_trusted_addresses_may_send_one() -> None:
    with Backend() as a:
        with Tee("-a", a.url, "-proxy-protocol", "127.0.0.1") as tee:
            for data in (request_bytes(), b"PROXY TCP4 1.2.3.4\r\n", b"\x16\x03\x01\0\0"):
                with socket.create_connection(("127.0.0.1", tee.port), timeout=30) as client:
                    client.sendall(data)
                    with contextlib.suppress(ConnectionResetError):
                        assert client.recv(1000) == b""
            with RawClient(tee.port) as client:
                client.send(PREAMBLES["v1"])
                assert client.ask().status == 200
            tee.stop()
        assert "refused=3 (proxy_protocol=3)" in tee.program.output
        assert tee.program.output.count("without a PROXY preamble") <= 2  # one for each worker process
        with Tee("-a", a.url, "-proxy-protocol", "192.0.2.0/24") as tee:
            with RawClient(tee.port) as client:
                client.send(PREAMBLES["v1"])
                client.send(request_bytes())
                assert client.answer().status == 400
            assert ask(tee.port).status == 200


def test_one_that_does_not_come_is_waited_for_no_longer_than_for_a_handshake() -> None:
    with Backend() as a, Tee("-a", a.url, "-proxy-protocol", "127.0.0.1", "-tls-handshake-timeout", "300ms") as tee:
        with socket.create_connection(("127.0.0.1", tee.port), timeout=30) as client:
            client.sendall(PREAMBLES["v2"][:15])
            assert client.recv(1000) == b""
        with RawClient(tee.port) as other:
            other.send(PREAMBLES["v2"])
            assert other.ask().status == 200
        eventually(lambda: "it did not come in time" in tee.program.output)


def test_nginx_behind_the_tee_learns_the_client_from_its_preamble(tmp_path: Path) -> None:
    """From the client's preamble to A's and B's, on connections that carry one client each."""
    port = free_port()
    more = f"""
        listen 127.0.0.1:{port} proxy_protocol;
        location /who {{ return 200 "$proxy_protocol_addr $proxy_protocol_port $connection\\n"; }}
    """
    log = tmp_path / "nginx" / "access.log"
    with nginx(tmp_path / "nginx", more=more):
        url = f"http://127.0.0.1:{port}"
        words = ("-proxy-protocol", "127.0.0.1", "-a.send-proxy", "v2", "-processes", "1")
        with Tee("-a", url, "-b", f"{url} send-proxy=v1 allow-same", *words) as tee:
            with RawClient(tee.port) as one, RawClient(tee.port) as two:
                one.send(PREAMBLES["v1"])
                two.send(write_preamble("v2", ("2001:db8::7", "4712"), ("", 0)))
                said = [client.ask(target="/who").body.decode().split() for client in (one, two) * 5]
            assert [words[:2] for words in said] == [["203.0.113.9", "4711"], ["2001:db8::7", "4712"]] * 5
            assert len({words[2] for words in said}) == 2  # one connection to A for each client
            (ledger,) = tee.settled(10)
            assert (ledger.delivered, ledger.failures) == (10, {})
    assert log.read_text().count("/who") == 20


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_an_upgraded_connection_goes_on_behind_the_preamble_that_it_began_with(tmp_path: Path, version: str) -> None:
    """Before the tee and behind it: the tunnel has neither preamble, and A and the log learn the client."""

    def script(connection: Connection) -> None:
        while not line.endswith(b"\n"):
            line.extend(connection.reader.exactly(1))
        request = connection.request()
        assert request is not None
        assert request.value("Upgrade") == "echo/1"
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\n")
        while data := connection.reader.some():
            connection.send(data)

    line = bytearray()
    log = tmp_path / "log"
    words = ("-proxy-protocol", "127.0.0.1", "-a.send-proxy", "v1", "-access-log", str(log))
    asked = request_bytes(headers=[("Connection", "Upgrade"), ("Upgrade", "echo/1")])
    with ScriptedServer(script) as a, Tee("-a", a.url, *words) as tee:
        with RawClient(tee.port) as client:
            client.send(PREAMBLES[version] + asked + b"early ")
            assert client.answer().status == 101
            client.send(b"late")
            echoed = b""
            while len(echoed) < len(b"early late"):
                echoed += client.reader.some()
            assert echoed == b"early late"
        eventually(lambda: " 101 " in log.read_text())
    assert re.fullmatch(rb"PROXY TCP4 203\.0\.113\.9 \S+ 4711 \d+\r\n", line)
    assert log.read_text().split()[0] == CLIENT[0]


def test_a_client_that_trusted_proxies_name_has_no_port_and_one_without_an_address_is_unknown(tmp_path: Path) -> None:
    said = []

    def script(connection: Connection) -> None:
        data = connection.sock.recv(4096, socket.MSG_PEEK)
        said.append(data.partition(b"\n")[0])
        connection.sock.recv(len(said[-1]) + 1)
        while connection.request() is not None:
            connection.send(response())

    front = str(tmp_path / "tee.sock")
    words = ("-a.send-proxy", "v1", "-trusted-proxies", "unix", "-processes", "1")
    with ScriptedServer(script) as a, Tee("-a", a.url, *words, listen=f"unix:{front}"):
        with RawClient(0, path=front) as client:
            assert client.ask(headers=[("X-Forwarded-For", "203.0.113.9")]).status == 200
            assert client.ask().status == 200
        assert said == [f"PROXY TCP4 203.0.113.9 127.0.0.1 0 {a.port}\r".encode(), b"PROXY UNKNOWN\r"]
