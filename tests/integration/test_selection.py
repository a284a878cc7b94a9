"""What each B is chosen for, and what is changed for it, in the running program."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.net import free_port, ipv6_or_skip
from tests.support.scripted import Connection, ScriptedServer
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.wire import Request

pytestmark = pytest.mark.integration


def users_at(server: Backend) -> Counter[str | None]:
    return Counter(request.value("X-User") for request in server.requests)


def test_a_user_goes_to_b_wholly_or_not_at_all_in_every_worker_and_after_a_restart() -> None:
    users, rounds = 120, 4
    chosen = []
    for processes in ("4", "1"):
        line = "name=canary percent=30 sticky=header:X-User"
        with Backend() as a, Backend() as b:
            with Tee("-a", a.url, "-b", f"{b.url} {line}", "-processes", processes) as tee:
                for _ in range(rounds):
                    for first in range(0, users, 20):
                        with RawClient(tee.port) as client:  # each connection may be another worker's
                            for user in range(first, first + 20):
                                assert client.ask(headers=[("X-User", str(user))]).status == 200
                (ledger,) = tee.settled(users * rounds)
                assert ledger.url == "canary"
            counts = users_at(b)
            assert set(counts.values()) == {rounds}
            assert ledger.drops == {"sampled_out": (users - len(counts)) * rounds}
            chosen.append(set(counts))
    assert chosen[0] == chosen[1]


def test_every_b_of_a_split_gets_its_own_requests() -> None:
    with Backend() as a, Backend() as b1, Backend() as b2:
        lines = [f"{b1.url} percent=40 split=s", f"{b2.url} percent=60 split=s"]
        with Tee("-a", a.url, "-b", lines[0], "-b", lines[1], "-processes", "1") as tee, RawClient(tee.port) as client:
            for number in range(200):
                assert client.ask(target=f"/{number}").status == 200
            assert [ledger.delivered for ledger in tee.settled(200)] == [80, 120]
        assert b1.bodies() + b2.bodies() == a.bodies()


def test_what_is_changed_for_one_b_is_seen_by_that_one_alone() -> None:
    line = (
        "remove-header=Authorization,Cookie set-header='X-Client: {client}' add-header='X-Id: {request-id}' mark "
        r"host=canary.test rewrite-path='^/v1/(.*) -> /v2/\1'"
    )
    sent = [("Authorization", "sesame"), ("Cookie", "a=1"), ("X-Client", "forged")]
    with Backend() as a, Backend() as b, Backend() as other:
        words = ["-a", a.url, "-b", f"{b.url}/test {line}", "-b", f"{other.url} add-header='X-Id: {{request-id}}'"]
        with Tee(*words, "-no-via") as tee:
            assert ask(tee.port, "POST", "/v1/x?y=/v1/", sent, b"body").status == 200
            tee.settled(1)
        (at_a,), (at_b,), (at_other,) = a.requests, b.requests, other.requests
        assert (at_a.target, at_a.body) == (at_other.target, at_other.body) == ("/v1/x?y=/v1/", b"body")
        assert at_a.headers == [("Host", "tee.localhost"), *sent, ("Content-Length", "4")]
        assert at_other.headers[:-1] == at_a.headers
        assert (at_b.target, at_b.body) == ("/test/v2/x?y=/v1/", b"body")
        assert at_b.headers == [
            ("Host", "canary.test"),
            ("X-Client", "127.0.0.1"),
            ("Content-Length", "4"),
            ("X-Id", at_other.value("X-Id")),
            ("X-Shadow", "1"),
        ]


def test_a_client_of_a_dual_stack_socket_has_one_address() -> None:
    ipv6_or_skip()
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", f"{b.url} set-header=X-Client:{{client}}", listen=f":{free_port()}") as tee:
            assert ask(tee.port, host="127.0.0.1").status == 200
            tee.settled(1)
        assert b.requests[0].value("X-Client") == "127.0.0.1"


def test_a_rate_holds_for_all_workers_together() -> None:
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", f"{b.url} rate=5/h", "-processes", "2") as tee:
            for _ in range(12):
                assert ask(tee.port).status == 200
            (ledger,) = tee.settled(12)
        assert ledger.drops == {"rate_limited": 11}
        assert len(b.requests) == 1


def test_the_log_says_what_each_b_gets_and_no_secret() -> None:
    with Backend() as a, Backend() as b:
        line = f"{b.url} name=canary percent=10 set-header='Authorization: sesame'"
        with Tee("-a", a.url, "-b", line, "-b", b.url) as tee:
            shown = f"B canary: {b.url} name=canary percent=10 set-header='Authorization:***'"
            tee.program.wait_for_line(shown.replace("*", r"\*").replace("'", "'?"))
            assert ask(tee.port).status == 200
            assert tee.started["b"] == f"{b.url} {b.url}"
        assert "sesame" not in tee.program.output


def test_in_order_a_connections_clones_reach_b_one_after_another() -> None:
    def slow(request: Request) -> bytes:
        if int(request.target[1:]) % 7 == 0:
            time.sleep(0.02)  # so that others could overtake it
        return response()

    with Backend() as a, Backend(slow) as b:
        with Tee("-a", a.url, "-b", f"{b.url} order=connection", "-processes", "1") as tee, RawClient(tee.port) as one:
            with RawClient(tee.port) as other:
                for number in range(200):
                    assert one.ask("PUT", f"/{number}", body=b"x").status == 200
                    assert other.ask("PUT", f"/{1000 + number}", body=b"x").status == 200
            (ledger,) = tee.settled(400)
        assert ledger.delivered == 400
        arrived = [int(request.target[1:]) for request in b.requests]
        assert [number for number in arrived if number < 1000] == list(range(200))
        assert [number for number in arrived if number >= 1000] == list(range(1000, 1200))


def test_in_order_a_clone_that_b_never_answers_does_not_hold_the_rest_for_ever() -> None:
    def script(connection: Connection) -> None:
        while (request := connection.request()) is not None:
            if request.target == "/silent":
                connection.wait_for(threading.Event())
            connection.send(response())

    with Backend() as a, ScriptedServer(script) as b:
        line = f"{b.url} order=connection timeout=200"
        with Tee("-a", a.url, "-b", line, "-processes", "1") as tee, RawClient(tee.port) as client:
            for target in ("/1", "/silent", "/2", "/3"):
                assert client.ask("PUT", target, body=b"x").status == 200
            (ledger,) = tee.settled(4)
        assert (ledger.delivered, ledger.failures) == (3, {"timeout": 1})
        assert [request.target for request in b.requests] == ["/1", "/silent", "/2", "/3"]


def test_a_b_may_get_less_than_the_whole_request() -> None:
    with Backend() as a, Backend() as b:
        line = f"{b.url} body=false only-status=2xx idempotent max-body=10"
        with Tee("-a", a.url, "-b", line, "-no-via", "-processes", "1") as tee:
            assert (
                ask(tee.port, "POST", "/1", [("Transfer-Encoding", "chunked")], b"3\r\nabc\r\n0\r\n\r\n").status == 200
            )
            assert ask(tee.port, "POST", "/2", [("Idempotency-Key", "mine")], b"x" * 3_000_000).status == 200
            assert ask(tee.port, "POST", "/3/missing", body=b"refused").status == 404
            assert ask(tee.port, "GET", "/4").status == 200
            (ledger,) = tee.settled(4)
        assert (ledger.delivered, ledger.drops) == (3, {"other_status": 1})
        first, second, third = (next(one for one in b.requests if one.target == f"/{number}") for number in (1, 2, 4))
        assert [len(request.body) for request in b.requests] == [0, 0, 0]
        assert [name for name, _ in first.headers] == ["Host", "Content-Length", "Idempotency-Key"]
        assert (first.value("Content-Length"), second.value("Idempotency-Key")) == ("0", "mine")
        assert [name for name, _ in third.headers] == ["Host"]
        assert [len(request.body) for request in a.requests] == [3, 3_000_000, 7, 0]
        assert not any(request.value("Idempotency-Key") for request in a.requests if request.target != "/2")


def test_behind_trusted_proxies_the_client_is_whom_they_name_and_nobody_else_is_believed(tmp_path: Path) -> None:
    forged = [("X-Forwarded-For", "6.6.6.6, 203.0.113.9")]
    for trusted, client in (("127.0.0.0/8", "203.0.113.9"), ("10.0.0.0/8", "127.0.0.1")):
        log = tmp_path / client
        words = ("-trusted-proxies", trusted, "-access-log", str(log), "-x-forwarded", "-forward-client-ip")
        with Backend() as a, Backend() as b:
            with Tee("-a", a.url, "-b", f"{b.url} set-header=X-Client:{{client}}", *words) as tee:
                assert ask(tee.port, headers=[*forged, ("X-Forwarded-Proto", "https")]).status == 200
                tee.settled(1)
            assert b.requests[0].value("X-Client") == client
            assert a.requests[0].value("X-Forwarded-For") == "6.6.6.6, 203.0.113.9, 127.0.0.1"
            assert a.requests[0].value("X-Forwarded-Proto") == ("https" if trusted.startswith("127") else "http")
            assert (a.requests[0].value("X-Forwarded-Host"), a.requests[0].value("X-Forwarded-Port")) == (
                "tee.localhost",
                "80",
            )
        assert log.read_text().startswith(f"{client} - - ")
