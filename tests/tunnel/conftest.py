import socket
from time import monotonic

import pytest

from httptee.ledger.ledger import Ledger
from httptee.tunnel import tunnels as module
from httptee.tunnel.end import End
from httptee.tunnel.tunnel import Tunnel
from httptee.tunnel.tunnels import Tunnels


class Joined:
    """Two peers with a tunnel between them. `outcome` is how it ended."""

    def __init__(self, family=socket.AF_UNIX, now=None, **early):
        self.peer, self.client = socket.socketpair(family)
        self.a_peer, self.a = socket.socketpair(family)
        self.outcome = None
        self.ends = End(self.client), End(self.a)
        self.tunnel = Tunnel(*self.ends, self.ended, monotonic() if now is None else now, **early)
        for sock in (self.peer, self.a_peer):
            sock.settimeout(10)

    def ended(self, *outcome):
        assert self.outcome is None, "it may end once"
        self.outcome = outcome

    def close(self):
        for sock in (self.peer, self.a_peer, self.client, self.a):
            sock.close()


@pytest.fixture
def joined():
    made = []

    def make(**early):
        made.append(Joined(**early))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def ledger():
    return Ledger(["b"])


@pytest.fixture
def tunnels(ledger, monkeypatch):
    """Makes the tunnels of a process; what happens once a second happens every 10 ms."""
    monkeypatch.setattr(module, "_TICK", 0.01)
    made = []

    def make(limit=10, idle_timeout=100.0, present=lambda: 0):
        made.append(Tunnels(ledger.worker(0), limit, idle_timeout, present))
        return made[-1]

    yield make
    for one in made:
        one.close(0.0)
