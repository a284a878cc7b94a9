"""The system calls that cannot block: the extension and its plain twin do the same."""

import errno
import os
import select
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee import quick

MODULES = {
    "plain": (quick._send_now, quick._receive_now),
    "native": (quick.send_now, quick.receive_now),
}


@pytest.fixture(params=MODULES)
def functions(request):
    if request.param == "native" and not quick.native:
        pytest.skip("the extension was not built")
    return MODULES[request.param]


@pytest.fixture
def pair():
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def outcome(call, *arguments):
    """What a call returns, or the type and the number of its error."""
    try:
        return call(*arguments)
    except (OSError, ValueError, TypeError, OverflowError) as error:
        return type(error), getattr(error, "errno", None)


@pytest.mark.parametrize("size", [0, 1, 300, 16_384, 16_385, 100_000])
def test_what_is_sent_arrives(functions, pair, size):
    send, receive = functions
    one, other = pair
    data = os.urandom(size)
    assert send(one, data) == size
    got = b""
    while len(got) < size:
        got += receive(other, 65_536)
    assert got == data


@pytest.mark.parametrize("form", [memoryview, bytearray])
def test_other_forms_of_bytes_are_sent_too(functions, pair, form):
    send, receive = functions
    assert send(pair[0], form(b"abc")) == 3
    assert receive(pair[1], 2) == b"ab"
    assert receive(pair[1], 65_537) == b"c"


def test_nothing_waits(functions, pair):
    send, receive = functions
    one, other = pair  # blocking sockets
    with pytest.raises(BlockingIOError):
        receive(other, 10)
    while isinstance(sent := outcome(send, one, bytes(16_384)), int):
        assert sent > 0
    assert sent[0] is BlockingIOError
    with pytest.raises(BlockingIOError):
        send(one, bytes(100_000))


def test_the_end_is_no_bytes(functions, pair):
    _, receive = functions
    pair[0].close()
    assert receive(pair[1], 10) == b""


def test_a_closed_socket_and_a_lost_peer_are_errors(functions, pair):
    send, receive = functions
    one, other = pair
    other.close()
    assert outcome(send, one, b"a") == (BrokenPipeError, errno.EPIPE)  # and no signal
    one.close()
    assert outcome(send, one, b"a") == outcome(receive, one, 10) == (OSError, errno.EBADF)


def test_an_object_of_another_class_does_it_itself(functions):
    class Other:
        def send(self, data):
            return ("sent", data)

        def recv(self, size):
            return ("received", size)

    class Derived(socket.socket):
        def recv(self, size):
            return b"derived"

    send, receive = functions
    assert send(Other(), b"a") == ("sent", b"a")
    assert receive(Other(), 7) == ("received", 7)
    with Derived() as derived:
        assert receive(derived, 1) == b"derived"


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2, 3), (None, b"a"), ("x", 3)])
def test_wrong_arguments_are_errors(functions, arguments):
    for function in functions:
        with pytest.raises((TypeError, AttributeError)):
            function(*arguments)


@pytest.mark.parametrize("size", [-1, 1 << 70, "a", None])
def test_a_wrong_size_is_the_error_of_a_socket(functions, pair, size):
    assert outcome(functions[1], pair[1], size) == outcome(pair[1].recv, size, socket.MSG_DONTWAIT)


@pytest.mark.parametrize("data", ["text", None, 3])
def test_wrong_data_is_the_error_of_a_socket(functions, pair, data):
    assert outcome(functions[0], pair[0], data) == outcome(pair[0].send, data)


STEPS = st.lists(
    st.tuples(st.just("send"), st.binary(max_size=40_000))
    | st.tuples(st.just("receive"), st.integers(0, 70_000))
    | st.tuples(st.sampled_from(["end", "close"]), st.none()),
    max_size=12,
)


@pytest.mark.skipif(not quick.native, reason="the extension was not built")
@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_both_do_the_same(steps):
    found = []
    for send, receive in MODULES.values():
        one, other = socket.socketpair()
        with one, other:
            results = []
            for step, value in steps:
                if step == "send":
                    results.append(outcome(send, one, value))
                elif step == "receive":
                    results.append(outcome(receive, other, value))
                elif step == "end":
                    results.append(outcome(one.shutdown, socket.SHUT_WR))
                else:
                    one.close()
            found.append(results)
    assert found[0] == found[1]


def test_what_is_ready_is_told_without_a_wait(pair):
    with select.epoll() as readable:
        readable.register(pair[1], select.EPOLLIN | select.EPOLLET)
        assert list(quick._ready_now(readable, 10)) == []
        assert list(quick.ready_now(readable, 10)) == []
        pair[0].send(b"a")
        told = list(quick.ready_now(readable, 10)) or readable.poll(0, 10)
        assert told == [(pair[1].fileno(), select.EPOLLIN)]
        assert list(quick.ready_now(readable, 10)) == readable.poll(0, 10) == []


@pytest.mark.skipif(not quick.native, reason="the extension was not built")
def test_no_more_is_told_than_asked_for_and_none_of_a_closed_set():
    pairs = [socket.socketpair() for _ in range(100)]
    with select.epoll() as readable:
        for one, other in pairs:
            readable.register(other, select.EPOLLIN)
            one.send(b"a")
        assert [len(quick.ready_now(readable, most)) for most in (-1, 0, 1, 7, 1000)] == [0, 0, 1, 7, 64]
        assert quick.ready_now(object(), 5) == []
    for one, other in pairs:
        one.close()
        other.close()
    with pytest.raises(ValueError):
        quick.ready_now(readable, 5)


def test_no_descriptor_is_used_after_its_socket_was_closed(functions):
    """Threads send and receive on sockets that others close, while new ones take their descriptors over."""
    send, receive = functions
    wrong, stop = [], threading.Event()

    def run(secret):
        while not stop.is_set():
            one, other = socket.socketpair()
            closing = threading.Thread(target=one.close)
            closing.start()
            sent = 0
            for _ in range(20):
                try:
                    sent += send(one, secret)
                except OSError:
                    break
            closing.join()
            got = outcome(receive, other, 65_536)
            if got != secret * (sent // len(secret)) and got[0] is not BlockingIOError:
                wrong.append((secret, got))
            other.close()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=run, args=(bytes([65 + number]) * 8,)) for number in range(4)]
        for thread in threads:
            thread.start()
        stop.wait(1.0)
        stop.set()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert wrong == []


def test_a_tls_socket_does_it_itself(functions):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    one, other = socket.socketpair()
    with other, context.wrap_socket(one, do_handshake_on_connect=False) as tls:
        tls.setblocking(False)
        assert outcome(functions[1], tls, 10) == outcome(tls.recv, 10)


@pytest.mark.parametrize("pure", ["", "1"])
def test_the_environment_chooses_the_plain_twin(pure):
    code = "from httptee import quick; print(quick.native, quick.send_now is quick._send_now)"
    env = os.environ | {"HTTPTEE_PURE": pure}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    native = quick.native and not pure
    assert ran.stdout.split() == [str(native), str(not native)]
