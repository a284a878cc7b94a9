import socket
import ssl

import pytest

from httptee.tunnel.end import End
from tests.support.tls import Authority


@pytest.fixture
def pair():
    """A connection over TCP: a peer, and the socket of an end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname(), timeout=10)
        sock, _ = listener.accept()
    yield peer, sock
    peer.close()
    sock.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secured(pair, authority):
    """The same with TLS: the peer is the server, as A is."""
    peer, sock = pair
    peer.setblocking(False)
    sock.setblocking(False)
    server = authority.server().wrap_socket(peer, server_side=True, do_handshake_on_connect=False)
    client = authority.client().wrap_socket(sock, server_hostname="127.0.0.1", do_handshake_on_connect=False)
    client.suppress_ragged_eofs = False
    done = set()
    while len(done) < 2:
        for one in (client, server):
            try:
                one.do_handshake()
                done.add(one)
            except ssl.SSLWantReadError:
                pass
    server.settimeout(10)
    yield server, client
    server.close()
    client.close()


def until(call):
    """The first result of a call that is not None."""
    while (result := call()) is None:
        pass
    return result


def test_nothing_yet_is_none_and_the_end_is_empty(pair):
    peer, sock = pair
    end = End(sock)
    assert end.receive(10) is None
    peer.send(b"abc")
    assert until(lambda: end.receive(10)) == b"abc"
    peer.shutdown(socket.SHUT_WR)
    assert until(lambda: end.receive(10)) == b""


def test_a_full_socket_takes_nothing(pair):
    _, sock = pair
    end = End(sock)
    while end.send(bytes(1 << 20)):
        pass
    assert end.send(b"x") == 0


def test_the_end_of_one_side_leaves_the_other_open(pair):
    peer, sock = pair
    end = End(sock)
    assert end.end_sending()
    assert peer.recv(1) == b""
    peer.send(b"still")
    assert until(lambda: end.receive(10)) == b"still"


def test_a_close_is_an_end_and_a_reset_is_none(pair):
    peer, sock = pair
    End(sock).close(reset=False)
    assert peer.recv(1) == b""


def test_every_other_close_is_a_reset(pair):
    peer, sock = pair
    End(sock)
    sock.close()  # as the kernel does for a process that is killed
    with pytest.raises(ConnectionResetError):
        peer.recv(1)


def test_with_tls_bytes_go_both_ways(secured):
    server, client = secured
    end = End(client)
    assert end.receive(10) is None
    assert end.send(b"abc") == 3
    assert server.recv(10) == b"abc"
    server.send(b"x" * 20_000)
    data = b""
    while len(data) < 20_000:
        data += until(lambda: end.receive(100_000))
    assert data == b"x" * 20_000


def test_with_tls_an_end_is_a_close_notify_and_the_other_side_goes_on(secured):
    server, client = secured
    end = End(client)
    while end.receive(10) is not None:
        pass
    while not end.end_sending():  # tickets of the server may still be unread
        end.receive(10)
    assert server.recv(10) == b""
    server.send(b"still")
    assert until(lambda: end.receive(10)) == b"still"
    server.unwrap()
    assert until(lambda: end.receive(10)) == b""
    assert end.end_sending()
    assert end.receive(10) == b""


def test_with_tls_the_end_waits_for_what_is_unread(secured):
    server, client = secured
    end = End(client)
    server.send(b"unread")
    while not end._readable():
        pass
    assert not end.end_sending()
    data = b""
    while data != b"unread":
        data += end.receive(10) or b""
    assert end.end_sending() or end.receive(10) is None


def test_with_tls_an_end_without_close_notify_is_an_error(secured):
    server, client = secured
    end = End(client)
    socket.socket.shutdown(server, socket.SHUT_RDWR)
    with pytest.raises(OSError):
        until(lambda: end.receive(10))


def test_so_is_one_of_the_servers_own_tls_socket(pair):
    class Cut:
        ended = False

        def __init__(self, sock):
            self.fileno, self.setblocking, self.setsockopt = sock.fileno, sock.setblocking, sock.setsockopt

        def recv(self, size):
            return b""

    with pytest.raises(ConnectionResetError):
        End(Cut(pair[1])).receive(10)
