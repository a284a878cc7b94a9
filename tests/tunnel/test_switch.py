import socket
import struct
from types import SimpleNamespace

import pytest

from httptee.http import UPGRADE, Response
from httptee.ledger import Faults
from httptee.tunnel.switch import Switch
from tests.support.net import eventually


class Log:
    def __init__(self):
        self.seen = []

    def tunnelled(self, *outcome):
        self.seen.append(outcome)


@pytest.fixture
def switch(tunnels, ledger):
    """A switch whose connection to A has a peer."""
    peer, a = socket.socketpair()
    peer.settimeout(10)
    made = tunnels()
    made.reserve()
    connection = SimpleNamespace(sock=a, close=a.close)
    yield SimpleNamespace(
        switch=Switch(made, connection, b"early", ledger.worker(0), Faults()), peer=peer, a=a, tunnels=made
    )
    peer.close()
    a.close()


def begun(switch, log):
    closed = []
    environ = {UPGRADE: lambda join: environ.update(join=join)}
    response = Response(101, "Switch", [("Upgrade", "x")], b"", lambda: closed.append(True))
    answer = switch.switch.begin(environ, response, log)
    answer.close()
    assert (answer.status, answer.headers, closed) == (101, [("Upgrade", "x")], [])
    return environ["join"], closed


def test_before_the_client_knows_of_the_101_a_close_of_the_connection_to_a_is_a_reset(switch):
    assert switch.a.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == struct.pack("ii", 1, 0)


def test_the_request_ends_with_the_tunnel(switch, ledger):
    log = Log()
    join, closed = begun(switch, log)
    client, mine = socket.socketpair()
    with client, mine:
        mine.settimeout(10)
        join(client, b"to A", b"to the client, ")
        assert mine.recv(99) == b"to the client, early"
        assert switch.peer.recv(99) == b"to A"
        assert not closed
        mine.shutdown(socket.SHUT_WR)
        switch.peer.close()
        eventually(lambda: closed)
    assert log.seen == [("closed", 4, 20)]
    assert len(switch.tunnels) == 0
    assert ledger.primary().tunnels.ended == {"closed": 1}


def test_without_a_client_the_connection_to_a_is_closed(switch, ledger):
    join, closed = begun(switch, None)
    join(None)
    assert switch.peer.recv(1) == b""
    assert closed
    assert len(switch.tunnels) == 0
    assert str(ledger.primary().tunnels) == "upgraded opened=1 open=0 (reset=1) received=0 sent=0"
