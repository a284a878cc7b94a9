import socket

import pytest

from httptee.tunnel.tunnel import PIECE, Flow

MEGABYTE = bytes(1 << 20)


def test_bytes_go_both_ways_unchanged(joined):
    one = joined()
    one.peer.send(b"to A")
    one.a_peer.send(b"to the client")
    assert not one.tunnel.step(1.0)
    assert (one.a_peer.recv(99), one.peer.recv(99)) == (b"to A", b"to the client")
    assert (one.tunnel.received, one.tunnel.sent) == (4, 13)
    assert repr(one.tunnel) == "<Tunnel [4 bytes from the client, 13 to it]>"


def test_what_came_early_comes_first(joined):
    one = joined(arrived=b"1", unsent=b"a")
    one.peer.send(b"2")
    one.a_peer.send(b"b")
    one.tunnel.step(1.0)
    assert (one.a_peer.recv(99), one.peer.recv(99)) == (b"12", b"ab")


def test_the_end_of_one_side_is_passed_on_and_the_other_goes_on(joined):
    one = joined()
    one.peer.send(b"last")
    one.peer.shutdown(socket.SHUT_WR)
    one.tunnel.step(1.0)
    assert (one.a_peer.recv(99), one.a_peer.recv(99)) == (b"last", b"")
    assert one.tunnel.is_open
    one.a_peer.send(b"answer")
    one.a_peer.close()
    one.tunnel.step(2.0)
    assert (one.peer.recv(99), one.peer.recv(99)) == (b"answer", b"")
    assert one.outcome == ("closed", 4, 6)
    assert not one.tunnel.is_open


def test_a_slow_reader_makes_the_other_side_wait_with_one_piece_in_hand(joined):
    one = joined()
    flow = one.tunnel._to_client
    while not flow._waiting:
        one.a_peer.send(bytes(1000))
        one.tunnel.step(1.0)
    one.a_peer.send(b"unread")
    assert not one.tunnel.step(1.0)
    assert one.a.recv(99) == b"unread"
    carried = one.tunnel.sent
    while flow._waiting:
        one.peer.recv(10 << 20)
        one.tunnel.step(2.0)
    assert one.tunnel.sent > carried


def test_a_flow_gives_the_others_their_turn(joined):
    one = joined()
    one.peer.setblocking(False)
    one.peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    one.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    one.a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    sent = one.peer.send(MEGABYTE)
    assert sent > 8 * PIECE, "the kernel takes too little at once for this test"
    assert one.tunnel.step(1.0)
    assert 0 < one.tunnel.received < sent


def test_a_broken_connection_resets_both(joined):
    one = joined()
    one.client.close()
    assert not one.tunnel.step(1.0)
    assert one.outcome == ("reset", 0, 0)
    assert one.a.fileno() == -1


def test_it_is_cut_once(joined):
    one = joined()
    one.tunnel.cut("idle")
    one.tunnel.cut("closing")
    assert one.outcome == ("idle", 0, 0)
    assert one.peer.recv(1) == b""


def test_only_bytes_are_activity(joined):
    one = joined(now=0.0)
    one.tunnel.step(5.0)
    assert one.tunnel.active_at == 0.0
    one.peer.send(b"x")
    one.tunnel.step(6.0)
    assert one.tunnel.active_at == 6.0


class Waiting:
    """An end whose side of TLS cannot be ended yet."""

    def __init__(self):
        self.tries = 0

    def receive(self, size):
        return b""

    def end_sending(self):
        self.tries += 1
        return self.tries > 1


def test_an_end_that_has_to_wait_is_tried_again():
    end = Waiting()
    flow = Flow(end, end, b"")
    assert [flow.pump(), flow.done, flow.pump(), flow.done] == [False, False, False, True]
    flow.pump()
    assert end.tries == 2


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_what_is_not_taken_is_kept(taken):
    class Slow(Waiting):
        def __init__(self):
            super().__init__()
            self.got = []
            self.room = False

        def send(self, data):
            self.got.append(bytes(data))
            return len(data) if self.room else taken if len(self.got) == 1 else 0

        def receive(self, size):
            return None

    end = Slow()
    flow = Flow(end, end, b"abcd")
    flow.pump()
    assert (flow.carried, bytes(flow._waiting)) == (taken, b"abcd"[taken:])
    end.room = True
    flow.pump()
    assert end.got[-1] == b"abcd"[taken:]
    assert (flow.carried, bytes(flow._waiting)) == (4, b"")
