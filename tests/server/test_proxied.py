import socket
import ssl
import time

import pytest

from httptee.http.peers import Proxies
from httptee.http.peers.preamble import write_preamble
from httptee.server import proxied
from httptee.server.proxied import ProxiedServer, ProxiedTlsServer
from tests.support.net import eventually
from tests.support.tls import Authority

from .conftest import starting
from .test_channel import GET, App

CLIENT = ("203.0.113.9", "4711")
V1, V2 = (write_preamble(version, CLIENT, ("192.0.2.1", 80)) for version in ("v1", "v2"))


@pytest.fixture
def serve():
    with starting(kind=ProxiedServer, proxies=Proxies.parse("127.0.0.1"), preamble_timeout=10.0) as start:
        yield start


def counted(running):
    """The connections that were closed without a preamble."""
    found = []
    running.server.on_unintroduced = lambda: found.append(1)
    return found


def ended(client):
    try:
        return client.socket.recv(100) == b""
    except ConnectionError:
        return True


def remote(app):
    return [(environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) for environ in app.environs]


@pytest.mark.parametrize("preamble", [V1, V2])
def test_the_client_is_the_one_that_the_preamble_names_for_all_requests_of_the_connection(serve, preamble):
    app = App()
    client = serve(app).connect().send(preamble + GET + GET)
    for _ in range(2):
        client.head()
        client.body(2)
    client.send(GET).head()
    assert remote(app) == [CLIENT] * 3


@pytest.mark.parametrize("preamble", [V1, V2])
def test_it_may_come_byte_by_byte(serve, preamble):
    app = App()
    client = serve(app).connect()
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in preamble + GET:
        client.send(bytes((byte,)))
        time.sleep(0.001)
    client.head()
    assert remote(app) == [CLIENT]


def test_a_local_connection_has_its_own_address(serve):
    app = App()
    client = serve(app).connect().send(b"PROXY UNKNOWN\r\n" + GET)
    client.head()
    assert remote(app) == [("127.0.0.1", str(client.socket.getsockname()[1]))]


@pytest.mark.parametrize("data", [GET, b"PROXY nonsense\r\n", b"\x16\x03\x01", V2[:13] + b"\xff" * 50])
def test_without_a_valid_one_the_connection_is_closed_and_counted(serve, data):
    app = App()
    running = serve(app)
    found = counted(running)
    client = running.connect().send(data)
    assert ended(client)
    eventually(lambda: found == [1])
    assert not app.environs
    eventually(lambda: not running.server.active_channels)


def test_one_that_does_not_come_in_time_is_closed_and_counted(serve, later):
    running = serve(App(), preamble_timeout=5.0)
    found = counted(running)
    silent, slow = running.connect(), running.connect().send(V1[:10])
    eventually(lambda: len(running.server._awaited) == 2)
    later(6.0)
    assert ended(silent)
    assert ended(slow)
    eventually(lambda: found == [1, 1])


@pytest.mark.parametrize(("start", "count"), [(b"", []), (V2[:14], [1])])
def test_a_connection_that_ends_before_its_first_byte_is_not_counted(serve, start, count):
    running = serve(App())
    found = counted(running)
    client = running.connect().send(start)
    client.socket.shutdown(socket.SHUT_WR)
    assert ended(client)
    eventually(lambda: not running.server.active_channels)
    eventually(lambda: found == count)


def test_the_log_has_one_line_and_not_one_for_each(serve, caplog):
    running = serve(App())
    found = counted(running)
    for _ in range(5):
        assert ended(running.connect().send(GET))
    eventually(lambda: len(found) == 5)
    assert [record.getMessage() for record in caplog.records] == [
        "closed a connection from 127.0.0.1 without a PROXY preamble: there is none"
    ]


def test_from_other_addresses_a_preamble_is_no_request_and_none_is_needed(serve):
    app = App()
    running = serve(app, proxies=Proxies.parse("192.0.2.1"))
    client = running.connect().send(GET)
    client.head()
    assert remote(app)[0][0] == "127.0.0.1"
    assert running.connect().send(V1 + GET).head().startswith(b"HTTP/1.1 400")
    assert len(app.environs) == 1


def test_awaited_connections_count_for_the_limit(serve):
    running = serve(App(), connection_limit=2)
    for _ in range(2):
        running.connect()
    eventually(lambda: len(running.server.active_channels) == 2)
    assert running.connect().head().startswith(b"HTTP/1.1 503")


def test_a_server_that_stops_serves_those_whose_preamble_is_there_and_closes_the_others(serve, monkeypatch):
    monkeypatch.setattr(proxied, "_LAST_WAIT", 0.05)
    app = App()
    running = serve(app)
    found = counted(running)
    silent = running.connect()
    eventually(lambda: len(running.server._awaited) == 1)
    running.server.stop()
    running.thread.join()
    late = running.connect().send(V2 + GET)
    running.server.drain(10.0)
    assert late.head().startswith(b"HTTP/1.1 200")
    assert ended(silent)
    assert (remote(app), found) == ([CLIENT], [])


def test_with_tls_it_comes_first(tmp_path):
    authority = Authority(tmp_path)
    options = {"context": authority.server(authority.issue()), "handshake_timeout": 10.0}
    more = {"proxies": Proxies.parse("127.0.0.1"), "preamble_timeout": 10.0, **options}
    with starting(kind=ProxiedTlsServer, **more) as start:
        app = App()
        running = start(app)
        found = counted(running)
        for preamble in (V1, V2):
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw:
                raw.sendall(preamble)
                with authority.client().wrap_socket(raw, server_hostname="127.0.0.1") as client:
                    client.sendall(GET)
                    assert client.recv(1000).startswith(b"HTTP/1.1 200")
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=10) as raw,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            authority.client().wrap_socket(raw, server_hostname="127.0.0.1")
        eventually(lambda: found == [1])
        assert remote(app) == [CLIENT] * 2
