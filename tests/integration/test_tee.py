"""The main job: A answers the client, every B gets a clone."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.net import eventually, free_port, ipv6_or_skip
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer, answer_and_close, response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

NUMBERS = {"a.timeout": 2500, "b.timeout": 1000, "b.chanSize": 1000, "b.workers": 4}

COMMAND_LINES = {
    "one dash, values apart": "-a {a} -b {b} -b.percent 100 " + " ".join(f"-{k} {v}" for k, v in NUMBERS.items()),
    "one dash, values joined": "-a={a} -b={b} -b.percent=100 " + " ".join(f"-{k}={v}" for k, v in NUMBERS.items()),
    "two dashes, values apart": "--a {a} --b {b} --p 100 " + " ".join(f"--{k} {v}" for k, v in NUMBERS.items()),
    "two dashes, values joined": "--a={a} --b={b} --p=100.0 " + " ".join(f"--{k}={v}" for k, v in NUMBERS.items()),
    "booleans bare": "-a {a} -b {b} -a.rewrite -b.rewrite -forward-client-ip -close-connections -debug",
    "booleans spelled out": "-a {a} -b {b} -a.rewrite=true --b.rewrite=false -close-connections=false",
    "teeproxy's own": "-a {a_bare} -b {b_bare} -p 100 -a.timeout 1000 -b.timeout 1000 -a.rewrite=true -b.rewrite=true",
    "the source's names": "-a {a} -b {b} -max.workers 8 -max.queue 100 -b.methods ^(GET|POST)$",
    "addresses without a scheme": "-a {a_bare} -b {b_bare}",
}


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work(number)` in that many threads at once, and raise what any of them raised."""
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work, number) for number in range(count)]:
            done.result()


@pytest.mark.parametrize("line", COMMAND_LINES.values(), ids=COMMAND_LINES)
def test_a_go_command_line_starts_it_and_tees(line: str) -> None:
    with Backend() as a, Backend() as b:
        words = line.format(a=a.url, b=b.url, a_bare=a.url[7:], b_bare=b.url[7:]).split(" ")
        with Tee(*words) as tee:
            answer = ask(tee.port, "POST", "/hello?x=1", body=b"a body")
            assert (answer.status, answer.body[:16]) == (200, b"POST /hello?x=1 ")
            (cloned,) = b.wait_for_requests()
            assert (cloned.method, cloned.target, cloned.body) == ("POST", "/hello?x=1", b"a body")
            assert [ledger.delivered for ledger in tee.settled(1)] == [1]
        assert a.bodies() == b.bodies() == Counter({("POST", "/hello?x=1", b"a body"): 1})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_after_every_waiting_clone_went_out(number: int) -> None:
    with Backend() as a, Backend() as b:
        with Tee("-a", a.url, "-b", b.url) as tee, RawClient(tee.port) as client:
            for each in range(50):
                assert client.ask(target=f"/{each}").status == 200
            (ledger,) = tee.stop(number)
        assert (ledger.seen, ledger.delivered, ledger.in_flight) == (50, 50, 0)
        assert b.bodies() == a.bodies()


def test_a_tenth_of_ten_thousand_requests_reaches_b() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-p", "10", "-b.chanSize", "10000") as tee:

        def work(number: int) -> None:
            with RawClient(tee.port) as client:
                for _ in range(2500):
                    assert client.ask().status == 200

        in_threads(4, work)
        (ledger,) = tee.settled(10_000)
        assert len(a.requests) == 10_000
        assert ledger.delivered == len(b.requests)
        assert ledger.drops == {"sampled_out": 10_000 - ledger.delivered}
        assert 800 <= ledger.delivered <= 1200


def test_a_thousand_posts_from_sixteen_clients_reach_a_and_both_bs_alike() -> None:
    with Backend() as a, Backend() as b1, Backend() as b2:
        with Tee("-a", a.url, "-b", b1.url, "-b", b2.url) as tee:
            sent: Counter[tuple[str, str, bytes]] = Counter()
            lock = threading.Lock()

            def work(number: int) -> None:
                with RawClient(tee.port) as client:
                    for each in range(number, 1000, 16):
                        target, body = f"/post/{each}", (b"%d " % each) * (each + 1)
                        answer = client.ask("POST", target, body=body)
                        assert answer.body.startswith(f"POST {target} ".encode())
                        with lock:
                            sent["POST", target, body] += 1

            in_threads(16, work)
            assert [ledger.delivered for ledger in tee.settled(1000)] == [1000, 1000]
        assert len(sent) == 1000
        assert a.bodies() == sent
        assert b1.bodies() == sent
        assert b2.bodies() == sent


def test_a_cookie_set_for_one_client_is_not_sent_for_another() -> None:
    with_cookie = answer(response(headers=[("Set-Cookie", "secret=1; Path=/"), ("Set-Cookie", "other=2; Path=/")]))
    with ScriptedServer(with_cookie) as a, ScriptedServer(with_cookie) as b, Tee("-a", a.url, "-b", b.url) as tee:
        assert ask(tee.port).values("Set-Cookie") == ["secret=1; Path=/", "other=2; Path=/"]
        b.wait_for_requests(1)
        with RawClient(tee.port) as first, RawClient(tee.port) as second:
            assert first.ask().status == second.ask().status == 200
            assert second.ask(headers=[("Cookie", "mine=3")]).status == 200
        for server in (a, b):
            # In any order: clones of different connections may overtake one another on the way to B.
            received = [request.values("Cookie") for request in server.wait_for_requests(4)]
            assert sorted(received) == [[], [], [], ["mine=3"]]


def test_a_redirect_reaches_the_client_instead_of_being_followed() -> None:
    moved = response("302 Found", b"", [("Location", "/elsewhere")])
    with ScriptedServer(answer(moved)) as a, Tee("-a", a.url) as tee:
        redirect = ask(tee.port, target="/here")
        assert (redirect.status, redirect.value("Location")) == (302, "/elsewhere")
        assert [request.target for request in a.requests] == ["/here"]


def test_proxy_variables_and_netrc_of_its_own_environment_change_nothing(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
    netrc.chmod(0o600)
    nowhere = f"http://127.0.0.1:{free_port()}"
    env = {
        "NETRC": str(netrc),
        "HOME": str(tmp_path),
        "http_proxy": nowhere,
        "HTTP_PROXY": nowhere,
        "ALL_PROXY": nowhere,
    }
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, env=env) as tee:
        assert ask(tee.port).status == 200
        assert a.requests[0].values("Authorization") == []
        assert b.wait_for_requests()[0].values("Authorization") == []


def test_a_connection_that_a_closed_without_a_word_is_replaced() -> None:
    with ScriptedServer(answer_and_close(response())) as a, Tee("-a", a.url) as tee, RawClient(tee.port) as client:
        for _ in range(20):
            assert client.ask("POST", body=b"x").status == 200
            eventually(lambda: a.open_connections == 0, "the end of A's connection")
        assert len(a.requests) == 20


def test_the_client_address_is_appended_where_that_is_asked_for() -> None:
    sent = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1")]
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-forward-client-ip") as tee:
        assert ask(tee.port, headers=sent).status == 200
        b.wait_for_requests(1)
        assert ask(tee.port).status == 200
        for server in (a, b):
            forwarded, plain = server.wait_for_requests(2)
            assert forwarded.value("X-Forwarded-For") == "192.0.2.1, 127.0.0.1"
            hops = [hop.strip() for hop in (forwarded.value("Forwarded") or "").split(",")]
            assert hops[0] == "for=192.0.2.1"
            assert "for=127.0.0.1" in hops[1].split(";")
            assert plain.value("X-Forwarded-For") == "127.0.0.1"
            assert "for=127.0.0.1" in (plain.value("Forwarded") or "").split(";")


def test_an_ipv6_client_is_quoted_in_forwarded() -> None:
    ipv6_or_skip()
    with Backend() as a, Tee("-a", a.url, "-forward-client-ip", listen="[::1]:0") as tee:
        assert ask(tee.port, host="::1").status == 200
        assert a.requests[0].value("X-Forwarded-For") == "::1"
        assert 'for="[::1]"' in (a.requests[0].value("Forwarded") or "").split(";")


def test_forwarding_headers_pass_as_sent_where_nothing_is_asked_for() -> None:
    sent = [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", 'for="[2001:db8::1]:4711";proto=https')]
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee:
        assert ask(tee.port, headers=sent).status == 200
        b.wait_for_requests(1)
        assert ask(tee.port).status == 200
        for server in (a, b):
            forwarded, plain = server.wait_for_requests(2)
            assert [forwarded.value(name) for name, _ in sent] == [value for _, value in sent]
            assert [plain.value(name) for name, _ in sent] == [None, None]


def test_an_address_without_a_host_listens_on_ipv4_and_ipv6() -> None:
    ipv6_or_skip()
    with Backend() as a, Tee("-a", a.url, listen=f":{free_port()}") as tee:
        assert ask(tee.port, host="127.0.0.1").status == 200
        assert ask(tee.port, host="::1").status == 200


def test_an_ipv6_backend_is_reached() -> None:
    ipv6_or_skip()
    with Backend(host="::1") as a, Backend(host="::1") as b, Tee("-a", a.url, "-b", b.url) as tee:
        assert ask(tee.port).status == 200
        b.wait_for_requests()
