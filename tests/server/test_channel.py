import contextlib
import select
import socket
import tempfile
import threading

import pytest

from httptee.errors import UpstreamReset
from httptee.http.hops import UPGRADE
from httptee.http.inbound import RECEIVED_HEADERS
from httptee.http.interim import INTERIM
from httptee.server.stalled import Stalled
from tests.support.net import eventually

from .conftest import late_for

GET = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class App:
    """A WSGI application that answers with what it was built with, and remembers what it was asked."""

    def __init__(self, status="200 OK", headers=(("Content-Length", "2"),), body=(b"ok",)):
        self.status, self.headers, self.body = status, list(headers), body
        self.environs = []
        self.closed = 0

    def __call__(self, environ, start_response):
        environ["read"] = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
        self.environs.append(environ)
        start_response(self.status, self.headers)
        return self

    def __iter__(self):
        return iter(self.body() if callable(self.body) else self.body)

    def close(self):
        self.closed += 1


def test_fields_go_out_as_the_application_gave_them(serve):
    headers = [("x-B", "1"), ("Set-Cookie", "a"), ("content-length", "2"), ("Set-Cookie", "b"), ("X-a", "")]
    client = serve(App("299 Very  Odd", headers)).connect().send(GET)
    assert client.head() == (
        b"HTTP/1.1 299 Very  Odd\r\nx-B: 1\r\nSet-Cookie: a\r\ncontent-length: 2\r\nSet-Cookie: b\r\nX-a: \r\n"
    )
    assert client.body(2) == b"ok"


def test_fields_come_in_as_the_client_sent_them(serve):
    app = App()
    client = serve(app).connect().send(b"GET /x HTTP/1.1\r\nhOST: h\r\nA_b: 1\r\nz: 2\r\nZ: 3\r\n\r\n")
    client.head()
    assert app.environs[0][RECEIVED_HEADERS] == [("hOST", "h"), ("A_b", "1"), ("z", "2"), ("Z", "3")]


@pytest.mark.parametrize(
    ("status", "headers", "method"),
    [
        ("204 No Content", [], b"GET"),
        ("304 Not Modified", [("Content-Length", "100")], b"GET"),
        ("200 OK", [("Content-Length", "100")], b"HEAD"),
        ("200 OK", [], b"HEAD"),
    ],
)
def test_answers_without_a_body_keep_the_connection(serve, status, headers, method):
    client = serve(App(status, headers, [b""])).connect()
    for _ in range(3):
        client.send(GET.replace(b"GET", method))
        assert client.head().startswith(b"HTTP/1.1 " + status.encode())


def test_a_body_of_unknown_length_goes_out_chunked_and_keeps_the_connection(serve):
    client = serve(App(headers=[], body=[b"a", b"", b"b" * 20])).connect()
    for _ in range(2):
        client.send(GET)
        assert b"\r\nTransfer-Encoding: chunked\r\n" in client.head() + b"\r\n"
        assert client.body(37) == b"1\r\na\r\n14\r\n" + b"b" * 20 + b"\r\n0\r\n\r\n"


def test_an_empty_first_piece_sends_the_head_at_once(serve):
    seen = threading.Event()

    def body():
        yield b""
        assert seen.wait(10)
        yield b"ok"

    client = serve(App(body=body)).connect().send(GET)
    assert client.head().startswith(b"HTTP/1.1 200 OK")
    seen.set()
    assert client.body(2) == b"ok"


class Hinting(App):
    """Sends an interim answer where the server lets it."""

    def __call__(self, environ, start_response):
        if INTERIM in environ:
            environ[INTERIM](103, "Early  Hints", [("link", "</a>"), ("Connection", "x"), ("X", "1"), ("Link", "</b>")])
        return super().__call__(environ, start_response)


def test_an_interim_answer_goes_out_before_the_answer_without_hop_by_hop_fields(serve):
    client = serve(Hinting()).connect()
    for _ in range(2):
        client.send(GET)
        assert client.head() == b"HTTP/1.1 103 Early  Hints\r\nlink: </a>\r\nLink: </b>\r\n"
        assert client.head().startswith(b"HTTP/1.1 200 OK\r\n")
        assert client.body(2) == b"ok"


def test_an_http_1_0_client_gets_no_interim_answer(serve):
    client = serve(Hinting()).connect().send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.head().startswith(b"HTTP/1.1 200 OK\r\n")
    assert client.rest() == b"ok"


def test_an_interim_answer_for_a_client_that_has_gone_is_no_error_of_the_application(serve):
    class Late(Hinting):
        def __call__(self, environ, start_response):
            environ["httptee.cancellation"].cancel()
            answer = super().__call__(environ, start_response)
            answered.set()
            return answer

    answered, app = threading.Event(), Late()
    client = serve(app).connect().send(GET)
    assert answered.wait(10)
    with contextlib.suppress(ConnectionError):
        assert client.rest() == b""
    eventually(lambda: app.closed == 1)


def test_an_http_1_0_client_gets_a_body_of_unknown_length_to_the_end_of_the_connection(serve):
    client = serve(App(headers=[], body=[b"a", b"b"])).connect()
    client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert client.head() == b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
    assert client.rest() == b"ab"


def test_an_http_1_0_client_that_asks_for_it_keeps_its_connection(serve):
    client = serve(App()).connect()
    for _ in range(2):
        client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert b"Connection: keep-alive\r\n" in client.head()
        assert client.body(2) == b"ok"


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.0\r\n\r\n", GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
def test_a_client_that_wants_no_more_gets_its_answer_and_the_end(serve, data):
    client = serve(App()).connect().send(data)
    assert b"Connection: close\r\n" in client.head()
    assert client.rest() == b"ok"


def test_pipelined_requests_are_answered_in_order(serve):
    app = App(headers=[], body=lambda: [app.environs[-1]["REQUEST_URI"].encode()])
    client = serve(app).connect().send(b"".join(GET.replace(b"/ ", b"/%d " % n) for n in range(50)))
    for number in range(50):
        client.head()
        uri = b"/%d" % number
        assert client.body(len(uri) + 10) == b"%x\r\n%b\r\n0\r\n\r\n" % (len(uri), uri)


def test_a_body_that_breaks_off_takes_the_connection_with_it(serve):
    def broken():
        yield b"abc"
        raise UpstreamReset("A died")

    app = App(headers=[("Content-Length", "10")], body=broken)
    client = serve(app).connect().send(GET)
    client.head()
    with pytest.raises(ConnectionResetError):
        client.rest()
    eventually(lambda: app.closed == 1)


def test_the_first_piece_of_a_stream_arrives_before_the_last_is_made(serve):
    gate = threading.Event()

    def slow():
        yield b"first"
        assert gate.wait(10)
        yield b"last"

    client = serve(App(headers=[], body=slow)).connect().send(GET)
    client.head()
    assert client.body(10) == b"5\r\nfirst\r\n"
    gate.set()
    assert client.body(14) == b"4\r\nlast\r\n0\r\n\r\n"[:14]


def test_a_client_asking_before_it_sends_is_told_to_go_on(serve):
    app = App()
    client = serve(app).connect()
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert client.head() == b"HTTP/1.1 100 Continue\r\n"
    client.send(b"abc")
    assert client.head().startswith(b"HTTP/1.1 200 OK")
    assert app.environs[0]["read"] == b"abc"


def test_a_refused_request_gets_its_answer_even_while_it_is_still_being_sent(serve):
    client = serve(App()).connect()
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 200_000)
    head = client.head()
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"X-Httptee-Error: body_too_large\r\n" in head


def test_nothing_behind_a_refused_request_is_served(serve):
    app = App()
    smuggled = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET
    client = serve(app).connect().send(smuggled)
    assert client.rest().count(b"HTTP/1.1 ") == 1
    assert app.environs == []


def test_a_client_that_is_slow_to_read_gets_everything(serve):
    piece = bytes(range(256)) * 1024
    running = serve(App(headers=[("Content-Length", str(len(piece) * 64))], body=[piece] * 64))
    client = running.connect().send(GET)
    client.head()
    eventually(lambda: running.server.crew._held == 1, "a thread that waits for the client")
    assert client.body(len(piece) * 64) == piece * 64


def stalled(running, number):
    """Clients that have the head of an answer and take nothing more."""
    clients = [running.connect().send(GET) for _ in range(number)]
    for client in clients:
        client.head()
    eventually(lambda: len(running.server.stalled) == number, "threads that wait for stalled clients")
    return clients


def test_a_client_that_stalls_gets_everything_and_its_connection_goes_on(serve):
    piece = bytes(range(256)) * 1024
    app = App(headers=[("Content-Length", str(len(piece) * 64))], body=[piece] * 64)
    running = serve(app)
    for client in stalled(running, 3):
        assert client.body(len(piece) * 64) == piece * 64
        client.send(GET)
        client.head()
        assert client.body(len(piece) * 64) == piece * 64
    assert len(running.server.stalled) == 0


def test_what_a_stalled_client_sends_is_answered_after_its_answer(serve):
    piece = bytes(range(256)) * 1024
    app = App(headers=[("Content-Length", str(len(piece) * 64))], body=[piece] * 64)
    (client,) = stalled(serve(app), 1)
    client.send(GET)
    assert client.body(len(piece) * 64) == piece * 64
    client.head()
    assert client.body(len(piece) * 64) == piece * 64


def test_stalled_clients_that_leave_all_at_once_free_their_threads(serve):
    app = App(headers=[], body=lambda: (b"x" * 65536 for _ in range(10_000)))
    running = serve(app, threads=2)
    for client in stalled(running, 20):
        client.close()
    eventually(lambda: app.closed == 20)
    assert len(running.server.stalled) == 0
    app.body = [b"ok"]
    assert running.connect().send(GET).head().startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("watched", [True, False])
def test_a_client_that_takes_nothing_is_given_up_in_time_also_without_a_thread_that_watches(
    serve, monkeypatch, watched
):
    if not watched:
        monkeypatch.setattr(Stalled, "_watch", lambda stalled, descriptor, mine: False)
    app = App(headers=[], body=lambda: (b"x" * 500_000 for _ in range(1_000)))
    running = serve(app, client_timeout=0.3)
    client = running.connect().send(GET)
    client.head()
    eventually(lambda: app.closed == 1)
    with pytest.raises(ConnectionResetError):
        client.rest()


def test_a_drain_does_not_wait_for_stalled_clients(serve):
    app = App(headers=[], body=lambda: (b"x" * 65536 for _ in range(10_000)))
    running = serve(app)
    stalled(running, 3)
    running.stop(0.2)
    assert app.closed == 3


def test_a_client_that_leaves_in_mid_answer_frees_its_thread_and_closes_the_answer(serve):
    app = App(headers=[], body=lambda: (b"x" * 65536 for _ in range(10_000)))
    running = serve(app, threads=1)
    client = running.connect().send(GET)
    client.head()
    client.close()
    app.body = [b"ok"]
    other = running.connect().send(GET)
    assert other.head().startswith(b"HTTP/1.1 200 OK")
    eventually(lambda: app.closed >= 1)


def test_a_large_body_is_handed_over_as_a_file(serve):
    app = App()
    client = serve(app).connect()
    client.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
    assert client.head().startswith(b"HTTP/1.1 200 OK")
    assert app.environs[0]["read"] == b"x" * 2_000_000


def test_a_silent_client_is_hung_up_on(serve, later):
    running = serve(App())
    client = running.connect()
    eventually(lambda: running.server.active_channels)
    later(running.server.client_timeout + 1)
    assert client.rest() == b""


def test_an_idle_client_is_sent_away_when_the_server_drains_and_a_busy_one_is_answered(serve):
    gate, entered = threading.Event(), threading.Event()

    def held():
        entered.set()
        assert gate.wait(10)
        return [b"ok"]

    running = serve(App(body=held))
    idle = running.connect()
    busy = running.connect().send(GET)
    assert entered.wait(10)
    stopping = threading.Thread(target=running.stop)
    stopping.start()
    assert idle.rest() == b""
    gate.set()
    assert busy.head().startswith(b"HTTP/1.1 200 OK")
    assert busy.rest() == b"ok"
    stopping.join()


def test_a_bug_in_the_application_is_a_plain_500(serve, caplog):
    def broken(environ, start_response):
        raise RuntimeError("secret")

    client = serve(broken).connect().send(GET)
    answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"secret" not in answer
    assert b"Traceback" not in answer


def test_a_connection_that_its_owner_has_closed_may_still_be_hung_up_on(serve):
    running = serve(App())
    client = running.connect().send(GET)
    client.head()
    (channel,) = running.server.active_channels.values()
    client.close()
    eventually(lambda: not running.server.active_channels, "the end of the connection")
    eventually(lambda: channel.socket is None, "the end of its socket")
    channel.hang_up()
    channel.reset_when_closed()


def test_a_thread_told_of_a_descriptors_last_connection_does_nothing_to_one_that_is_being_accepted(serve):
    """It might close it before the main thread has begun to have it served."""
    running = serve(App())
    welcome, server = running.server._welcome, running.server

    def after_a_stray_thread(channel):
        for _ in range(100):
            server._serve(channel._fileno, select.EPOLLIN | select.EPOLLRDHUP)
            assert channel._fileno is not None
        welcome(channel)

    server._welcome = after_a_stray_thread
    running.connect().socket.shutdown(socket.SHUT_RDWR)
    client = running.connect().send(GET)
    assert client.head().startswith(b"HTTP/1.1 200")
    eventually(lambda: len(server.active_channels) == 1)


def test_a_server_that_has_drained_may_be_stopped_and_woken_again(serve):
    running = serve(App())
    running.stop()
    running.server.wake()  # a signal handler may call both at any time
    running.server.stop()


POST = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n"
TWO_MB = POST.replace(b"20000", b"2000000") + b"x" * 2_000_000
UNFINISHED = {
    "a head": (POST[:-2] + b"X: " + b"y" * 3000, len(POST) + 3001),
    "a body": (POST + b"x" * 10_000, 10_000),
    "chunks": (POST.replace(b"Content-Length: 20000", b"Transfer-Encoding: chunked") + b"2710\r\n" + b"x" * 9000, 9000),
}


@pytest.mark.parametrize("name", UNFINISHED)
@pytest.mark.parametrize("end", ["the client leaves", "it takes too long", "it is whole", "it is broken"])
def test_what_an_unfinished_request_holds_goes_back_whatever_its_end(serve, later, name, end):
    running = serve(App())
    data, held = UNFINISHED[name]
    client = running.connect().send(data)
    eventually(lambda: running.server.memory.held == held)
    if end == "the client leaves":
        client.close()
    elif end == "it takes too long":
        late_for(running, later)
        assert client.head().startswith(b"HTTP/1.1 408 ")
    elif end == "it is whole":
        rest = {"a head": b"\r\n\r\n" + b"x" * 20_000, "a body": b"x" * 10_000}
        client.send(rest.get(name, b"x" * 1000 + b"\r\n0\r\n\r\n"))
        assert client.head().startswith(b"HTTP/1.1 200 OK")
    else:
        client.send({"a head": b"\n\n", "a body": b"x" * 10_000 + b"\n"}.get(name, b"x" * 1002))
        client.head()
    eventually(lambda: running.server.memory.held == 0)


def test_pipelined_requests_hold_what_they_are_until_each_is_answered(serve):
    gate = threading.Event()
    running = serve(App(body=lambda: gate.wait(10) and [b"ok"]))
    client = running.connect().send((POST.replace(b"20000", b"200") + b"x" * 200) * 3)
    eventually(lambda: running.server.memory.held == 600)
    gate.set()
    for _ in range(3):
        client.head(), client.body(2)
    eventually(lambda: running.server.memory.held == 0)


def test_a_body_that_cannot_be_stored_is_a_507_that_is_counted(serve, monkeypatch, tmp_path, caplog):
    refused = []
    app = App()
    running = serve(app, max_request_memory=0)
    running.server.on_refusal = lambda environ, answer: refused.append((environ["REQUEST_METHOD"], answer.error))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    for _ in range(2):
        client = running.connect().send(TWO_MB)
        head = client.head()
        assert head.startswith(b"HTTP/1.1 507 Insufficient Storage\r\n")
        assert b"X-Httptee-Error: body_storage\r\n" in head
        assert client.rest() == b"507 Insufficient Storage: body_storage\n"
    assert refused == [("POST", "body_storage")] * 2
    assert app.environs == []
    assert not [record for record in caplog.records if record.exc_info]
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert running.connect().send(TWO_MB).head().startswith(b"HTTP/1.1 200 OK")


def test_a_large_head_that_finds_no_room_is_a_503_and_others_are_served(serve):
    running = serve(App(), max_request_memory=0)
    running.server.adj.max_request_header_size = 8000
    client = running.connect().send(GET[:-2] + b"X: " + b"y" * 3800)
    eventually(lambda: running.server.memory.held > 3800)
    assert client.send(b"y" * 300).head().startswith(b"HTTP/1.1 503 ")
    assert running.connect().send(GET).head().startswith(b"HTTP/1.1 200 OK")
    eventually(lambda: running.server.memory.held == 0)


ASK = b"GET /1 HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"


class Switching(App):
    """Answers 101 to what may be upgraded, and keeps what it is given then."""

    def __init__(self, switches=True):
        super().__init__("101 Switch", [("Upgrade", "x")], [b""])
        self.switches = switches
        self.given = []

    def __call__(self, environ, start_response):
        if self.switches and UPGRADE in environ:
            environ[UPGRADE](lambda *given: self.given.append(given))
        else:
            self.status, self.headers, self.body = "200 OK", [("Content-Length", "2")], [b"ok"]
        return super().__call__(environ, start_response)


@pytest.mark.parametrize("close", [False, True])
def test_after_a_101_the_connection_is_given_up_with_what_stands_behind_the_request(serve, close):
    app = Switching()
    running = serve(app, close_connections=close)
    client = running.connect().send(ASK + GET)
    assert client.head() == b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n"
    ((sock, arrived, unsent),) = eventually(lambda: app.given)
    assert (arrived, unsent, app.closed) == (GET, b"", 1)
    assert not running.server.active_channels
    client.send(b"more")
    assert eventually(lambda: sock.recv(9)) == b"more"  # nobody else reads it
    sock.sendall(b"back")
    assert client.body(4) == b"back"
    sock.close()
    with pytest.raises(ConnectionResetError):  # as at the end of the process before the tunnel begins
        client.socket.recv(1)


def test_after_any_other_answer_what_stands_behind_the_request_is_the_next_one(serve):
    app = Switching(switches=False)
    client = serve(app).connect().send(ASK + GET + ASK.replace(b" /1", b" /2") + GET)
    for _ in range(4):
        assert client.head().startswith(b"HTTP/1.1 200")
        assert client.body(2) == b"ok"
    assert [environ["REQUEST_URI"] for environ in app.environs] == ["/1", "/", "/2", "/"]


def test_a_given_up_connection_counts_where_the_owner_says_so(serve):
    running = serve(App(), connection_limit=2)
    running.server.given_up = lambda: 2
    assert running.server.present == 2
    assert running.connect().head().startswith(b"HTTP/1.1 503")


def test_a_client_that_has_gone_before_the_101_gives_nothing_up(serve):
    app = Switching()
    gone = threading.Event()

    def body():
        assert gone.wait(10)
        yield b""

    app.body = body
    running = serve(app)
    client = running.connect().send(ASK)
    eventually(lambda: running.server.active_channels)
    (channel,) = running.server.active_channels.values()
    eventually(lambda: channel.requests)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    eventually(lambda: channel.cancellation.reason)
    gone.set()
    assert eventually(lambda: app.given) == [(None,)]
    eventually(lambda: not running.server.active_channels)
