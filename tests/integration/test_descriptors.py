"""A low limit of open files, and a crowd that takes all that the bounds allow at once: no client fails for it."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, request_bytes
from tests.support.net import PATIENCE, eventually
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.wire import Reader, Request

pytestmark = pytest.mark.integration

LARGE = bytes(range(256)) * 24_576  # 6 MB: no buffer of a kernel takes it for a client that does not read
UPLOAD = request_bytes("POST", "/large", body=bytes(600_000))  # more than is held in memory: a file


def application(request: Request) -> bytes:
    return response(body=LARGE if request.target == "/large" else b"small")


def slow_reader(port: int) -> socket.socket:
    """A connection whose kernel takes little of an answer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.settimeout(PATIENCE)
    sock.connect(("127.0.0.1", port))
    return sock


def open_files(tee: Tee) -> int:
    return len(list(Path(f"/proc/{tee.program.pid}/fd").iterdir()))


def lowered(tee: Tee, descriptors: int) -> int:
    """The number of connections to which the start has lowered the limit."""
    (line,) = tee.program.wait_for_line(r"the limit is (\d+): raise it .* for now the limit is (\d+) connections")
    assert int(line[1]) == descriptors
    assert int(line[2]) >= descriptors // 8
    return int(line[2])


def assert_others_are_refused(tee: Tee) -> None:
    """30 more connections get 503, and linger."""
    for _ in range(30):
        with RawClient(tee.port) as client:
            assert client.answer().status == 503


def assert_nothing_failed(tee: Tee, answered: int) -> None:
    eventually(lambda: ask(tee.port).status == 200, "room for one more")
    assert "out of file descriptors" not in tee.program.output
    assert "could not be stored" not in tee.program.output
    tee.settled(answered + 1)


OPTIONS = ("-processes", "1", "-a.timeout", "30000", "-client-timeout", "120000")


def test_all_that_the_bounds_allow_at_once_fits_a_limit_of_400() -> None:
    """Each connection with the file of its upload and a connection to A, since it does not read; refused ones."""
    with (
        Backend(application) as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, *OPTIONS, descriptors=400) as tee,
        ExitStack() as stack,
    ):
        most = lowered(tee, 400)
        crowd = [stack.enter_context(slow_reader(tee.port)) for _ in range(most)]
        for client in crowd:
            client.sendall(UPLOAD)
        eventually(lambda: open_files(tee) > 3 * most, "a file and a connection to A for each client")
        assert_others_are_refused(tee)
        for client in crowd:
            answer = Reader(client).answer("POST")
            assert (answer.status, answer.body == LARGE) == (200, True)
            client.close()
        assert_nothing_failed(tee, most)


def test_uploads_that_stop_fit_a_limit_of_1024() -> None:
    """Each connection with the file of an upload that lacks its last byte; refused ones."""
    with (
        Backend() as a,
        Backend() as b,
        Tee("-a", a.url, "-b", b.url, *OPTIONS, descriptors=1024) as tee,
        ExitStack() as stack,
    ):
        most = lowered(tee, 1024)
        crowd = [stack.enter_context(RawClient(tee.port)) for _ in range(most)]
        for client in crowd:
            client.send(UPLOAD[:-1])
        eventually(lambda: open_files(tee) > 2 * most, "a file for each client")
        assert_others_are_refused(tee)
        for client in crowd:
            client.send(UPLOAD[-1:])
            assert client.answer("POST").status == 200
            client.close()
        assert_nothing_failed(tee, most)
