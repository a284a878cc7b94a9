"""The hostile server, the load at a fixed rate, and the bounds beside them."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from bench.programs.clients import paced_load
from bench.programs.clients.paced_load import Paced, percentile
from bench.programs.hostile.answers import ANSWERS, MODES, OK, answer, request_end
from bench.programs.hostile.backend import HostileBackend, hostile_backend
from bench.programs.load import Load
from bench.programs.workspace import Workspace
from bench.reports.figures import Figures, Json
from bench.reports.targets import Target
from bench.scenarios.hostile.bounds import PACES, against, compared, held, targets

from .samples import sample


@contextlib.contextmanager
def running(mode: str) -> Iterator[tuple[Workspace, HostileBackend]]:
    with Workspace() as workspace, hostile_backend(workspace, mode) as server:
        yield workspace, server


def raw(port: int, request: bytes, enough: int) -> bytes:
    """At least `enough` bytes of what comes back, fewer only where the server closes."""
    got = bytearray()
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request)
        while len(got) < enough and (piece := client.recv(65536)):
            got += piece
    return bytes(got)


GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_is_whole_with_its_body() -> None:
    post = b"POST / HTTP/1.1\r\ncontent-LENGTH: 4\r\n\r\nabcd"
    assert [request_end(post[:n]) for n in (10, len(post) - 1, len(post))] == [0, 0, len(post)]
    assert request_end(GET + post) == len(GET)


@pytest.mark.parametrize("mode", ["many-fields", "wide-fields"])
def test_a_hostile_head_fits_into_64_kib(mode: str) -> None:
    head = ANSWERS[mode].once.partition(b"\r\n\r\n")[0]
    assert 62_000 < len(head) + 4 <= 65_536


@pytest.mark.parametrize("mode", ["ok", "tiny-chunks", "extensions"])
def test_an_answer_that_ends_is_a_valid_one_and_is_counted(mode: str) -> None:
    sizes = {"ok": 3, "tiny-chunks": 29_000, "extensions": 56 * 64}
    with running(mode) as (_, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        for asked in (1, 2):
            connection.request("POST", "/", body=b"x" * 5000)
            assert len(connection.getresponse().read()) == sizes[mode]
            assert server.count() == asked
        connection.close()


@pytest.mark.parametrize(("mode", "start"), [("endless-body", b"HTTP/1.1 200"), ("endless-1xx", b"HTTP/1.1 103")])
def test_an_endless_answer_goes_on_for_longer_than_any_buffer(mode: str, start: bytes) -> None:
    with running(mode) as (_, server):
        got = raw(server.port, GET, 20_000_000)
    assert got.startswith(start)
    assert len(got) >= 20_000_000


def test_a_handshake_is_broken_off_and_counted() -> None:
    with running("refused-tls") as (_, server):
        assert server.url.startswith("https://")
        assert raw(server.port, b"\x16\x03\x01hello", 1) == b""
        assert server.count() == 1


def test_a_quiet_server_has_silent_targets_and_ordinary_ones() -> None:
    assert answer("quiet", b"GET /events HTTP/1.1").once.endswith(b"data: 0\n\n\r\n")
    assert answer("quiet", b"GET /never HTTP/1.1").once == b""
    assert answer("quiet", b"GET / HTTP/1.1") is OK
    assert set(ANSWERS) < set(MODES)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(each) for each in range(1, 101)]
    assert [percentile(values, part) for part in (0.0, 0.5, 0.99, 1.0)] == [1.0, 50.0, 99.0, 100.0]
    assert percentile([], 0.99) == 0.0


def test_the_paced_load_sends_what_is_due_and_repeats_nothing() -> None:
    with running("ok") as (workspace, server):
        load = Load("wrk", workspace.subdirectory("load"))
        outcome = load.paced(server.url, 250, 0.2)
        assert server.count() == 50
    assert (outcome.requests, outcome.errors) == (50, 0)
    assert outcome.seconds >= 0.2
    assert 0 < outcome.p50 <= outcome.p99


def test_a_stall_counts_for_every_request_that_was_due_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that answers only after all requests are due: the first waits longest, and all wait for it."""
    monkeypatch.setattr(paced_load, "MOST", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        load = Paced(listener.getsockname()[1], 100, 0.2)

        def serve() -> None:
            peers = [listener.accept()[0] for _ in range(2)]
            while len(load.waiting) < 18:
                time.sleep(0.01)
            with peers[0], peers[1]:
                answered = 0
                while answered < 20:
                    for each in select.select(peers, [], [], 20)[0]:
                        assert each.recv(4096)
                        each.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        answered += 1

        server = threading.Thread(target=serve)
        server.start()
        load.run()
        server.join()
        for client in load.idle:
            client.close()
    assert (len(load.latencies), load.errors) == (20, 0)
    # The requests of a closed loop would all be quick but two. Here the 10th was due 0.1 s after the first.
    assert sum(latency > 0.09 for latency in load.latencies) >= 8


def test_a_load_without_a_server_fails_every_request() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        load = Paced(closed.getsockname()[1], 100, 0.05)
        load.run()
    assert (len(load.latencies), load.errors) == (5, 5)


def figures(rate: float, p99: float) -> Figures:
    return Figures(rate, 1.0, p99, None, None)


def judged(got: Figures, base: Figures) -> list[str]:
    """Whether p99 and rate hold, as `targets` says."""
    pace = PACES["fixed"]
    row: Json = {"subject": "httptee", "scenario": "odd", "against": against(got, base), "reason": ""}
    result = {"tables": [{"title": "T", "rows": [row]}]}
    made: tuple[Target, ...] = targets("isolation", lambda _: "T", [("odd", "B is odd")], "ok")[:2]
    assert all(pace.title in one.text for one in made)
    return [one.cells(one.measure(result))[1] for one in made]


@pytest.mark.parametrize(
    ("got", "holds", "cell"),
    [
        (figures(900, 3300), ["yes", "yes"], "yes"),
        (figures(900, 3301), ["no", "yes"], "no: p99"),
        (figures(899, 3300), ["yes", "no"], "no: rate"),
        (figures(0, 0), ["no", "no"], "no: p99, rate"),
    ],
)
def test_the_bounds_are_1_3_times_p99_and_2_ms_and_nine_tenths_of_the_rate(
    got: Figures, holds: list[str], cell: str
) -> None:
    base = figures(1000, 1000)
    assert judged(got, base) == holds
    assert held(against(got, base)) == cell


def test_a_row_without_figures_is_told_with_its_reason() -> None:
    row: Json = {"subject": "httptee", "scenario": "odd", "against": against(None, sample().figures), "reason": "broke"}
    result = {"tables": [{"title": "T", "rows": [row]}]}
    assert compared("T", "odd", "over")(result) == "broke"
    assert compared("T", "other", "over")(result) is None
