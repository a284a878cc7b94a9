"""TLS on the listening side: handshakes that stop, records that come oddly, what goes out at the end."""

import contextlib
import errno
import re
import select
import socket
import ssl
import subprocess
import threading
import time

import pytest

from httptee.server.sockets.tls_socket import TlsSocket
from httptee.server.tls import TlsServer
from tests.support.net import eventually, require
from tests.support.tls import Authority

from .conftest import Body, Client, late_for, starting

GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def context(authority):
    context = authority.server()
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def hello(environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return Body(b"hello")


def echo(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return Body(body)


@pytest.fixture
def serve(context):
    with starting(kind=TlsServer, context=context, handshake_timeout=60.0) as start:
        yield lambda application=hello, **options: start(application, **options)


@pytest.fixture
def connect(authority):
    """A client of a server whose handshake is done."""
    clients = []

    def start(running, version=None, session=None, certificate=None):
        raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        tls = authority.client(certificate, version)
        clients.append(Client(running.port, tls.wrap_socket(raw, server_hostname="127.0.0.1", session=session)))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


class Wire:
    """A client's TLS in memory, so that a test decides which bytes travel when."""

    def __init__(self, authority, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = authority.client().wrap_bio(self.incoming, self.outgoing, server_hostname="127.0.0.1")

    def hello(self):
        with pytest.raises(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def shake_hands(self):
        self.socket.sendall(self.hello())
        while True:
            self.incoming.write(self.socket.recv(65536))
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                continue
            return self.outgoing.read()

    def encrypted(self, data):
        self.tls.write(data)
        return self.outgoing.read()

    def read(self):
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                data = self.socket.recv(65536)
                if not data:
                    raise ConnectionResetError("no close_notify") from None
                self.incoming.write(data)


@pytest.fixture
def wire(authority):
    wires = []

    def start(running):
        wires.append(Wire(authority, running.port))
        return wires[-1]

    yield start
    for one in wires:
        one.socket.close()


class TestHandshake:
    @VERSIONS
    def test_both_versions_are_spoken_and_http_1_1_is_agreed_upon(self, serve, connect, authority, version):
        running = serve()
        client = authority.client(version=version)
        client.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=30) as raw,
            client.wrap_socket(raw, server_hostname="127.0.0.1") as sock,
        ):
            assert sock.version() == f"TLSv{version.name[-3:].replace('_', '.')}"
            assert connect(running, version).send(GET).head().startswith(b"HTTP/1.1 200")

    def test_it_may_arrive_byte_by_byte(self, serve, wire):
        one = wire(serve())
        for byte in one.hello():
            one.socket.sendall(bytes([byte]))
        one.incoming.write(one.socket.recv(65536))
        while True:
            try:
                one.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                one.incoming.write(one.socket.recv(65536))
        for byte in one.outgoing.read() + one.encrypted(GET):
            one.socket.sendall(bytes([byte]))
        assert one.read().startswith(b"HTTP/1.1 200")

    @VERSIONS
    def test_a_session_resumes_at_another_server_with_the_same_context(self, serve, connect, version):
        first, second = serve(), serve()
        client = connect(first, version)
        assert client.send(GET).head().startswith(b"HTTP/1.1 200")
        session = client.socket.session
        tls = client.socket.context
        with (
            socket.create_connection(("127.0.0.1", second.port), timeout=30) as raw,
            tls.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as sock,
        ):
            sock.sendall(GET)
            assert sock.recv(9) == b"HTTP/1.1 "
            assert sock.session_reused

    def test_those_that_do_not_come_to_an_end_are_hung_up_on(self, serve, wire, connect, later):
        running = serve(handshake_timeout=10.0, client_timeout=60.0)
        silent = [wire(running) for _ in range(20)]
        halfway = [wire(running) for _ in range(20)]
        for one in halfway:
            one.socket.sendall(one.hello()[:50])
        client = connect(running)
        channels = running.server.active_channels
        eventually(lambda: len(channels) == 41, "all connections")
        # The client's last flight may still be on its way when the client itself is through.
        eventually(lambda: sum(not channel.shakes_hands for channel in list(channels.values())) == 1, "the handshake")
        later(11.0)
        for one in silent + halfway:
            assert one.socket.recv(100) == b""
        eventually(lambda: len(running.server.active_channels) == 1, "the end of all but one connection")
        assert client.send(GET).head().startswith(b"HTTP/1.1 200")

    def test_half_a_hello_and_the_end(self, serve, wire):
        running = serve()
        one = wire(running)
        one.socket.sendall(one.hello()[:70])
        one.socket.shutdown(socket.SHUT_WR)
        assert one.socket.recv(100) == b""

    def test_a_broken_one_is_told_by_an_alert_and_closed(self, serve, wire, caplog):
        running = serve()
        one = wire(running)
        record = bytearray(one.hello())
        record[5] = 99  # no handshake message that there is
        one.socket.sendall(record)
        alert = one.socket.recv(100)
        assert alert[0] == 0x15
        assert one.socket.recv(100) == b""
        assert not caplog.records

    @VERSIONS
    def test_a_client_without_the_certificate_it_needs_is_refused(self, serve, connect, authority, version):
        context = authority.server()
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_REQUIRED
        running = serve(context=context)
        with pytest.raises(ssl.SSLError, match=r"(?i)alert"):
            connect(running, version).send(GET).head()

    @VERSIONS
    def test_the_subject_of_a_clients_certificate_is_known_on_resumption_too(self, serve, authority, version):
        seen = []

        def application(environ, start_response):
            seen.append(environ["httptee.client_subject"])
            return hello(environ, start_response)

        context = authority.server()
        context.load_verify_locations(authority.file)
        context.verify_mode = ssl.CERT_OPTIONAL
        running = serve(application, context=context)
        client = authority.client(authority.issue("alice.test", file="alice.pem", common_name="Alice, Ü"), version)
        session = None
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", running.port), timeout=30) as raw,
                client.wrap_socket(raw, server_hostname="127.0.0.1", session=session) as sock,
            ):
                sock.sendall(GET)
                assert sock.recv(9) == b"HTTP/1.1 "
                assert sock.session_reused == (session is not None)
                session = sock.session
        assert seen[0] == seen[1]
        assert re.search(r"CN=Alice\\, \\C3\\9C", seen[0])


class TestPlainText:
    def test_a_request_in_plain_text_is_answered_in_plain_text(self, serve):
        client = serve().connect().send(GET)
        head = client.head()
        assert head.startswith(b"HTTP/1.1 400 Bad Request")
        assert b"X-Httptee-Error: plain_http_on_https_port" in head
        assert b"Connection: close" in head
        assert client.rest()

    def test_a_large_one_too(self, serve):
        client = serve().connect()
        client.send(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1_000_000)
        assert client.head().startswith(b"HTTP/1.1 400 Bad Request")

    @pytest.mark.parametrize("garbage", [b"\x00" * 100, b"\x80\x2e\x01\x03\x01" * 20, b"\xff"])
    def test_garbage_is_closed_upon(self, serve, garbage, caplog):
        client = serve().connect().send(garbage)
        assert client.rest() == b""
        assert not caplog.records


class TestNewcomers:
    def test_a_thread_told_of_a_descriptors_last_connection_keeps_its_hands_off_the_next_one(self, serve, wire):
        """Were it to answer the client's first flight, nobody would be told of the second."""
        running = serve()
        greet = running.server._greet
        running.server._greet = lambda channel: None  # the main thread does not get round to it
        one = wire(running)
        one.socket.sendall(one.hello())
        eventually(lambda: running.server.active_channels, "the connection")
        (channel,) = running.server.active_channels.values()
        for _ in range(3):
            running.server._serve(channel._fileno, select.EPOLLIN | select.EPOLLRDHUP)
        assert channel.newcomer
        assert channel.shakes_hands
        running.server._greet = greet
        one.incoming.write(one.socket.recv(65536))
        one.tls.do_handshake()
        one.socket.sendall(one.outgoing.read() + one.encrypted(GET))
        assert one.read().startswith(b"HTTP/1.1 200")
        assert not channel.newcomer

    def test_a_first_flight_in_pieces_is_put_together(self, serve, wire):
        one = wire(serve())
        for byte in one.hello():
            one.socket.sendall(bytes([byte]))
        one.incoming.write(one.socket.recv(65536))
        one.tls.do_handshake()
        one.socket.sendall(one.outgoing.read() + one.encrypted(GET))
        assert one.read().startswith(b"HTTP/1.1 200")


class TestRecords:
    def test_many_requests_in_one_record_and_one_in_many(self, serve, wire):
        one = wire(serve())
        finished = one.shake_hands()
        one.socket.sendall(
            finished + one.encrypted(GET * 3) + b"".join(one.encrypted(GET[i : i + 1]) for i in range(len(GET)))
        )
        got = b""
        while got.count(b"hello") < 4:
            got += one.read()

    def test_what_is_decrypted_is_served_without_another_edge(self, serve, wire):
        """Hundreds of records come in one piece; the kernel tells of them once."""
        one = wire(serve(echo))
        one.socket.sendall(one.shake_hands())
        body = b"x" * 100_000
        request = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\n" + body
        records = b"".join(one.encrypted(request[at : at + 500]) for at in range(0, len(request), 500))
        one.socket.sendall(records)
        got = b""
        while not got.endswith(body):
            got += one.read()

    def test_a_record_that_was_tampered_with_ends_the_connection(self, serve, wire):
        one = wire(serve())
        one.socket.sendall(one.shake_hands())
        record = bytearray(one.encrypted(GET))
        record[-1] ^= 1
        one.socket.sendall(record)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            one.read()

    def test_half_a_record_and_the_end_is_no_request(self, serve, wire):
        served = threading.Event()

        def application(environ, start_response):
            served.set()
            return hello(environ, start_response)

        running = serve(application)
        one = wire(running)
        one.socket.sendall(one.shake_hands() + one.encrypted(GET)[:-1])
        one.socket.shutdown(socket.SHUT_WR)
        assert one.read() == b""
        eventually(lambda: not running.server.active_channels, "the end of the connection")
        assert not served.is_set()

    @VERSIONS
    def test_a_slow_client_gets_a_large_answer_whole(self, serve, connect, version):
        size = 8_000_000

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", str(size))])
            return Body(*[b"y" * 100_000] * (size // 100_000))

        client = connect(serve(application), version).send(GET)
        client.head()
        left = size
        while left:
            piece = client.body(min(left, 50_000))
            assert piece == b"y" * len(piece)
            left -= len(piece)

    def test_a_large_body_arrives_whole(self, serve, connect):
        body = bytes(range(256)) * 20_000
        client = connect(serve(echo))
        request = b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        client.send(request).head()  # all of it first: OpenSSL does not read and write in two threads at once
        assert client.body(len(body)) == body

    @pytest.mark.parametrize(("version", "command"), [("-tls1_3", "K"), ("-tls1_3", "k"), ("-tls1_2", "R")])
    def test_new_keys_pass_and_a_renegotiation_does_not_happen(self, serve, authority, version, command):
        running = serve()
        argv = [
            require("openssl"),
            "s_client",
            version,
            "-crlf",
            "-connect",
            f"127.0.0.1:{running.port}",
            "-CAfile",
            authority.file,
        ]
        sign = b"RENEGOTIATING" if command == "R" else b"KEYUPDATE"
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            client.stdin.write(f"{command}\n".encode())
            client.stdin.flush()
            said = b""
            while sign not in said:
                said += client.stdout.readline()
            if command != "R":  # whose client gives up by itself
                client.stdin.write(b"GET / HTTP/1.1\nHost: t\nConnection: close\n\n")
                client.stdin.flush()  # and no more: at the end of its input it would leave without the answer
            said += client.stdout.read()
        assert b"no renegotiation" in said if command == "R" else b"hello" in said
        eventually(lambda: not running.server.active_channels, "the end of the connection")


class TestEnd:
    def test_an_orderly_one_is_announced(self, serve, connect):
        client = connect(serve()).send(b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
        assert client.rest().endswith(b"hello")  # raises where close_notify is missing

    def test_an_answer_that_breaks_off_is_not(self, serve, connect):
        from httptee.errors import UpstreamReset

        def pieces():
            yield b"some"
            raise UpstreamReset("gone")

        class Broken:
            def __iter__(self):
                return pieces()

            def close(self):
                pass

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "100")])
            return Broken()

        client = connect(serve(application)).send(GET)
        with pytest.raises(ConnectionError):
            client.rest()

    def test_a_client_that_says_goodbye_and_still_reads_gets_its_answer(self, serve, wire):
        one = wire(serve())
        one.socket.sendall(one.shake_hands() + one.encrypted(GET))
        with pytest.raises(ssl.SSLWantReadError):
            one.tls.unwrap()
        one.socket.sendall(one.outgoing.read())
        one.socket.shutdown(socket.SHUT_WR)
        got = b""
        while data := one.socket.recv(65536):
            got += data
        assert len(got) > 100

    def test_draining_closes_idle_connections_in_order(self, serve, connect):
        running = serve()
        client = connect(running).send(GET)
        client.head()
        client.body(5)
        running.stop()
        assert client.rest() == b""

    def test_a_handshake_in_the_middle_is_brought_to_its_end_by_a_server_that_drains(self, serve, wire):
        running = serve()
        one = wire(running)
        one.socket.sendall(one.hello())
        one.incoming.write(one.socket.recv(65536))
        running.server.stop()
        running.thread.join()
        drain = threading.Thread(target=running.server.drain, args=(30.0,))
        drain.start()
        one.tls.do_handshake()
        one.socket.sendall(one.outgoing.read() + one.encrypted(GET))
        answer = one.read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"Connection: close" in answer
        drain.join()


class TestBounds:
    @pytest.mark.parametrize("half", [b"G", b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc"])
    def test_half_a_request_is_answered_with_408_and_the_end(self, serve, connect, later, half):
        running = serve(echo)
        client = connect(running).send(half)
        late_for(running, later)
        assert client.head().startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert client.rest() == b"408 Request Timeout: request_timeout\n"

    def test_a_client_that_takes_nothing_is_cut_off(self, serve, connect):
        def application(environ, start_response):
            running.server.client_timeout = 0.05  # not before the request is here: it is the limit of the idle time too
            start_response("200 OK", [("Content-Length", "20000000")])
            return Body(b"y" * 20_000_000)

        running = serve(application, threads=1)
        client = connect(running).send(GET)
        eventually(lambda: not running.server.active_channels, "the end of the connection")
        with pytest.raises(ConnectionError):
            client.rest()

    def test_with_every_thread_held_up_a_newcomer_is_shaken_hands_with_and_told_to_come_back(self, serve, connect):
        gate, inside = threading.Event(), threading.Event()

        def application(environ, start_response):
            inside.set()
            assert gate.wait(30)
            return hello(environ, start_response)

        running = serve(application, threads=1, max_pending=0)
        busy = connect(running).send(GET)
        assert inside.wait(30)
        assert connect(running).send(GET).head().startswith(b"HTTP/1.1 503 ")
        gate.set()
        assert busy.head().startswith(b"HTTP/1.1 200")

    def test_who_comes_beyond_the_limit_finds_the_door_closed_and_nothing_in_clear(self, serve, connect):
        running = serve(connection_limit=1)
        client = connect(running).send(GET)
        client.head()
        assert running.connect().rest() == b""


class FullSocket:
    """A socket whose kernel takes `room` bytes and no more."""

    def __init__(self):
        self.room = 0
        self.sent = b""
        self.arrived = b""

    def recv(self, size):
        if not self.arrived:
            raise BlockingIOError(errno.EAGAIN, "empty")
        arrived, self.arrived = self.arrived, b""
        return arrived

    def send(self, data):
        if not self.room:
            raise BlockingIOError(errno.EAGAIN, "full")
        taken = data[: self.room]
        self.room -= len(taken)
        self.sent += taken
        return len(taken)


class TestSend:
    @pytest.fixture
    def ends(self, authority):
        """Both ends of a connection in memory, the server's without a kernel that takes anything."""
        raw = FullSocket()
        server = TlsSocket(raw, authority.server())
        to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = authority.client().wrap_bio(to_client, to_server, server_hostname="127.0.0.1")
        raw.room = 10**6
        for _ in range(3):
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            raw.arrived = to_server.read()
            with contextlib.suppress(BlockingIOError):
                server.recv(65536)
            to_client.write(raw.sent)
            raw.sent = b""
        assert server.established
        raw.room = 0
        return raw, server, client, to_client

    def test_counts_only_what_the_kernel_has_and_encrypts_it_once(self, ends):
        raw, server, client, to_client = ends
        data = b"z" * 49_999 + b"!"
        left = memoryview(data)
        for room in (10_000, 39_000):
            raw.room = room
            left = left[server.send(left) :]
            with pytest.raises(BlockingIOError):
                server.send(left)
        assert len(left) == 1_000
        raw.room = 10**6
        assert server.send(left) == 1_000
        to_client.write(raw.sent)
        got = b""
        while len(got) < 50_000:
            got += client.read(65536)
        assert got == data

    def test_takes_large_data_a_part_at_a_time(self, ends):
        raw, server, *_ = ends
        raw.room = 10**7
        assert 0 < server.send(memoryview(b"z" * 10**6)) < 10**6

    def test_a_client_that_makes_tls_talk_and_takes_nothing_is_given_up(self, ends):
        _, server, *_ = ends
        server._unsent = b"x" * 10**6
        with pytest.raises(ConnectionAbortedError):
            server._flush()


def test_a_new_context_holds_for_new_connections(serve, connect, authority):
    running = serve()
    before = connect(running)
    running.server.context = authority.server(authority.issue(file="renewed.pem"))
    after = connect(running)
    serials = [client.socket.getpeercert()["serialNumber"] for client in (before, after)]
    assert serials[0] != serials[1]
    for client in (before, after):
        assert client.send(GET).head().startswith(b"HTTP/1.1 200")


def test_silent_clients_take_no_thread(serve, connect, wire):
    running = serve(threads=2)
    for _ in range(50):
        one = wire(running)
        one.socket.sendall(one.hello()[:20])
    began = time.monotonic()
    assert connect(running).send(GET).head().startswith(b"HTTP/1.1 200")
    assert time.monotonic() - began < 30
