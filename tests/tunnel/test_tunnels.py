import socket
import threading
from time import monotonic

import pytest

from httptee.errors import TooManyUpgrades
from httptee.tunnel.end import End
from httptee.tunnel.tunnel import Tunnel
from httptee.tunnel.tunnels import Tunnels
from tests.support.net import eventually


def carried(tunnels, one):
    """Reserve a place and hand a tunnel over; its end releases the place."""
    tunnels.reserve()
    ended = one.tunnel._ended
    one.tunnel._ended = lambda *outcome: (ended(*outcome), tunnels.release())
    tunnels.open(one.tunnel)
    return one


def statement(ledger):
    return ledger.primary().tunnels


def test_one_thread_carries_them_all(tunnels, joined, ledger):
    made = tunnels()
    before = threading.active_count()
    some = [carried(made, joined()) for _ in range(5)]
    assert threading.active_count() == before + 1
    for number, one in enumerate(some):
        one.peer.send(b"%d" % number)
    for number, one in enumerate(some):
        assert one.a_peer.recv(9) == b"%d" % number
        one.a_peer.send(b"%d back" % number)
        assert one.peer.recv(9) == b"%d back" % number
    eventually(lambda: (statement(ledger).received, statement(ledger).sent) == (5, 30))
    assert repr(made) == "<Tunnels [5/10]>"


def test_who_sees_the_end_sees_all_bytes(tunnels, joined, ledger):
    made, one, seen = tunnels(), joined(), []
    ended = one.tunnel._ended
    one.tunnel._ended = lambda *outcome: (seen.append(statement(ledger).received), ended(*outcome))
    carried(made, one)
    one.peer.send(b"12345")
    one.peer.close()
    one.a_peer.close()
    eventually(lambda: one.outcome)
    assert seen == [one.outcome[1]]


def test_what_lies_in_the_kernel_before_it_is_handed_over_is_carried(tunnels, joined):
    one = joined(arrived=b"1")
    one.peer.send(b"2")
    one.peer.shutdown(socket.SHUT_WR)
    carried(tunnels(), one)
    data = b""
    while piece := one.a_peer.recv(9):
        data += piece
    assert data == b"12"
    one.a_peer.close()
    assert eventually(lambda: one.outcome) == ("closed", 2, 0)


def test_many_bytes_go_both_ways(tunnels, joined):
    one = carried(tunnels(), joined())
    data = bytes(range(256)) * 16384

    def back():
        while piece := one.a_peer.recv(65536):
            one.a_peer.sendall(piece)
        one.a_peer.close()

    thread = threading.Thread(target=back)
    thread.start()

    def send():
        one.peer.sendall(data)
        one.peer.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send)
    sender.start()
    got = bytearray()
    while piece := one.peer.recv(65536):
        got += piece
    sender.join()
    thread.join()
    assert got == data
    assert eventually(lambda: one.outcome) == ("closed", len(data), len(data))


def test_places_are_limited_and_given_back(tunnels, ledger):
    made = tunnels(limit=2)
    made.reserve()
    made.reserve()
    with pytest.raises(TooManyUpgrades):
        made.reserve()
    assert len(made) == 2
    made.release()
    made.reserve()


def test_the_places_of_other_processes_count(tunnels):
    others = [9]
    made = tunnels(limit=10, present=lambda: others[0])
    made.reserve()
    others[0] = 10
    with pytest.raises(TooManyUpgrades):
        made.reserve()


def test_the_places_are_a_gauge_of_the_process(tunnels, ledger):
    made = tunnels()
    ledger.worker(0).publish(pid=42)
    made.reserve()
    made.reserve()
    made.release()
    assert [worker.tunnels for worker in ledger.workers()] == [1]


def test_one_that_is_idle_for_too_long_is_cut(tunnels, joined):
    made = tunnels(idle_timeout=0.05)
    one = carried(made, joined())
    assert eventually(lambda: one.outcome) == ("idle", 0, 0)
    assert len(made) == 0


def test_at_the_end_they_go_on_until_the_time_is_over(tunnels, joined):
    made = tunnels()
    ends, stays = carried(made, joined()), carried(made, joined())
    closing = threading.Thread(target=made.close, args=(2.0,))
    closing.start()
    for one in (ends, stays):
        one.peer.send(b"still")
        assert one.a_peer.recv(9) == b"still"
    ends.peer.close()
    ends.a_peer.close()
    closing.join()
    assert (ends.outcome[0], stays.outcome[0]) == ("closed", "closing")


def test_it_ends_at_once_when_none_is_left(tunnels, joined):
    made = tunnels()
    one = carried(made, joined())
    closing = threading.Thread(target=made.close, args=(1000.0,))
    closing.start()
    one.peer.close()
    one.a_peer.close()
    closing.join(10)
    assert not closing.is_alive()


def test_after_the_end_there_is_no_place_and_a_late_one_is_cut(tunnels, joined):
    made = tunnels()
    made.reserve()
    made.close(0.0)
    with pytest.raises(TooManyUpgrades):
        made.reserve()
    one = joined()
    made.open(one.tunnel)
    assert one.outcome == ("closing", 0, 0)
    made.close(0.0)


def test_without_a_thread_there_is_no_place(tunnels, monkeypatch):
    def fail(self):
        raise RuntimeError("can't start new thread")

    made = tunnels()
    monkeypatch.setattr(threading.Thread, "start", fail)
    with pytest.raises(TooManyUpgrades):
        made.reserve()
    monkeypatch.undo()
    made.reserve()
    assert len(made) == 1


def test_a_tunnel_that_fails_ends_alone(tunnels, joined, monkeypatch):
    made = tunnels()
    bad, good = carried(made, joined()), carried(made, joined())

    def broken(size):
        raise AttributeError("nobody foresaw this")

    bad.tunnel._from_client._source = type("Broken", (), {"receive": staticmethod(broken)})()
    bad.peer.send(b"x")
    assert eventually(lambda: bad.outcome)[0] == "reset"
    good.peer.send(b"y")
    assert good.a_peer.recv(9) == b"y"


def test_a_reset_is_seen_while_the_other_side_is_slow(tunnels, joined):
    made = tunnels()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = socket.create_connection(listener.getsockname())
        client, _ = listener.accept()
    one = joined()
    one.client.close()
    one.ends = one.client, one.a = client, one.a
    tunnel = Tunnel(End(client), End(one.a), one.ended, monotonic())
    made.reserve()
    made.open(tunnel)
    peer.setblocking(False)
    try:
        while True:
            peer.send(bytes(1 << 20))
    except BlockingIOError:
        pass
    eventually(lambda: tunnel._from_client._waiting, "a client that has to wait")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    assert eventually(lambda: one.outcome)[0] == "reset"
    made.release()


def test_what_was_sent_before_both_ends_closed_arrives_at_a_slow_reader(tunnels, joined):
    made = tunnels()
    one = joined()
    carried(made, one)
    one.a_peer.shutdown(socket.SHUT_WR)  # passed on to the client
    assert one.peer.recv(1) == b""
    one.peer.setblocking(False)

    def full():
        try:
            while True:
                one.peer.send(bytes(1000))
        except BlockingIOError:
            return bool(one.tunnel._from_client._waiting)

    eventually(full, "a side of A that takes no more")
    one.peer.close()
    total = 0
    while piece := one.a_peer.recv(1 << 20):
        total += len(piece)
    assert eventually(lambda: one.outcome) == ("closed", total, 0)


def test_the_class_needs_no_thread_before_the_first_upgrade(ledger):
    before = threading.active_count()
    made = Tunnels(ledger.worker(0), 5, 1.0, lambda: 0)
    assert threading.active_count() == before
    made.close(0.0)
