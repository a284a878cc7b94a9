"""The verdict when the answers, the servers or the judge misbehave: bounded, counted, and A's clients unharmed."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
from pathlib import Path
from time import monotonic

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.load import Load
from tests.support.net import eventually, refusing_port
from tests.support.process import suspend
from tests.support.programs import mounted
from tests.support.scripted import ScriptedServer
from tests.support.scripts import blackhole, chunked_response, response
from tests.support.tee import Tee
from tests.support.tls import Authority
from tests.support.verdicts import command, findings, judged, report, reports
from tests.support.wire import Request

pytestmark = [pytest.mark.integration, pytest.mark.alone]

JSON = [("Content-Type", "application/json")]
OFTEN = ("-verdict.repeat", "100")


def numbered(more: float = 0.0):
    """Answers with a price, which is higher by `more`."""

    def application(request: Request) -> bytes:
        number = int(re.findall(r"\d+", request.target + " 0")[0])
        return response("200 OK", json.dumps({"price": 1.5 * number + more}).encode(), JSON)

    return application


def asks(tee: Tee, times: int, target: str = "/products/{}") -> None:
    with RawClient(tee.port) as client:
        for number in range(times):
            assert client.ask(target=target.format(number)).status == 200


def words(a: str, b: str, directory: Path, *more: str) -> tuple[str, ...]:
    # Every pair is compared: by default a worker process may leave out some of what a quick client asks.
    return ("-a", a, "-b", f"{b} name=canary", "-verdict", str(directory), "-verdict.rate", "100000", *more)


def judge_of(tee: Tee) -> int:
    """The process of the judge: the child of the supervisor that lets others go first."""
    own = os.getpriority(os.PRIO_PROCESS, tee.program.pid)
    (judge,) = eventually(lambda: [pid for pid in tee.program.group() if os.getpriority(os.PRIO_PROCESS, pid) > own])
    return judge


def resident(pid: int) -> int:
    """Bytes: the most that a process had in memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def test_the_repeats_that_reach_a_are_those_of_the_report(tmp_path: Path) -> None:
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b, Tee(*words(a.url, b.url, tmp_path)) as tee:
        started = monotonic()
        with Load(tee.port, 2, "/products/7", pause=0.005) as load:
            eventually(lambda: report(tmp_path).get("repeats", 0) >= 12)
        assert not load.troubles
        tee.settled(load.answered)
        answered = load.answered
    found, seconds = report(tmp_path), monotonic() - started
    assert len(a.requests) == answered + found["repeats"]
    assert found["repeats"] <= 2 * (seconds + 1)
    assert "suspected" not in findings(tmp_path).values()


def test_without_repeats_a_wrong_value_is_only_suspected(tmp_path: Path) -> None:
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b:
        with Tee(*words(a.url, b.url, tmp_path, "-verdict.repeat", "0")) as tee:
            asks(tee, 300)
            tee.settled(300)
            judged(tmp_path, 300)
        assert findings(tmp_path) == {("GET /products/{int}", "body", "$.price", "value"): "suspected"}
        assert report(tmp_path)["word"] == "NOT YET"
        assert len(a.requests) == len(b.requests) == 300


ZEROS = gzip.compress(bytes(64 << 20), 9)
NOISE = os.urandom(10 << 20)


def hostile(own: bytes):
    """Answers that are expensive, or that nobody can read; `own` is in each of them."""
    bodies = {
        "/bomb": (ZEROS * 160 + own, [*JSON, ("Content-Encoding", "gzip")]),  # 10 MB, of 10 GiB
        "/small-bomb": (ZEROS + own, [*JSON, ("Content-Encoding", "gzip")]),
        "/long": (NOISE + own, []),
        "/invalid": (b'{"a": [1, 2, }' + own, JSON),
        "/keys": (json.dumps({f"key{number}": f"{number}{own!r}" for number in range(25_000)}).encode(), JSON),
        "/new-keys": (json.dumps({f"{own!r}{number}": number for number in range(100_000)}).encode(), JSON),
        "/nested": (b"[" * 10_000 + own + b"]" * 10_000, JSON),
        "/truncated": (gzip.compress(own + NOISE[:20_000])[:-500], [*JSON, ("Content-Encoding", "gzip")]),
    }
    return {target: response("200 OK", *answer) for target, answer in bodies.items()}


def test_hostile_answers_are_bounded_in_time_and_memory(tmp_path: Path) -> None:
    by_a, by_b = hostile(b"1"), hostile(b"2")
    with Backend(lambda request: by_a[request.target]) as a, Backend(lambda request: by_b[request.target]) as b:
        big = ("-verdict.max-body", str(1 << 20), "-b.timeout", "20000", "-processes", "2")
        with Tee(*words(a.url, b.url, tmp_path, *OFTEN, *big)) as tee:
            with RawClient(tee.port) as client:
                for _ in range(2):
                    for target, expected in by_a.items():
                        assert expected.endswith(client.ask(target=target).body)
            judged(tmp_path, 2 * len(by_a))

            def all_found() -> bool:
                routes = report(tmp_path)["routes"]
                return len(routes) == len(by_a) and all(route["findings"] for route in routes)

            eventually(all_found)
            assert max(map(resident, tee.program.group())) < 400 << 20
        assert "Traceback" not in tee.program.output
    command(str(tmp_path), code=3)


def test_two_hundred_thousand_paths_are_few_routes(tmp_path: Path) -> None:
    from httptee.compare import Routes
    from httptee.verdict.pairs.tallies import ROUTES, Tallies

    routes, row = Routes(), Tallies(["b"]).row(0)
    for number in range(200_000):
        route = routes.route("GET", f"/{number % 700:x}y/word-{number}q/{number}")
        for old, new in routes.merged():
            row.merge(old, new)
        slot = row.slot(route)
        assert slot is not None
        row.request(slot)
    named = {routes.route("GET", f"/{number % 700:x}y/word-{number}q/{number}") for number in range(0, 200_000, 97)}
    assert len(named) < ROUTES


def test_a_judge_that_is_stopped_and_killed_under_load_costs_nobody_anything(tmp_path: Path) -> None:
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b, Tee(*words(a.url, b.url, tmp_path, *OFTEN)) as tee:
        with Load(tee.port, 4, "/products/7", pause=0.001) as load:
            eventually(lambda: report(tmp_path).get("judged", 0) > 50)
            stopped = judge_of(tee)
            suspend(stopped)
            seen = load.answered
            eventually(lambda: load.answered > seen + 300)
            os.kill(stopped, signal.SIGKILL)
            tee.program.wait_for_line("the judge process was killed by SIGKILL; another starts")
            seen = load.answered
            eventually(lambda: load.answered > seen + 300)
        assert not load.troubles
        (ledger,) = tee.settled(load.answered)
        assert ledger.delivered == load.answered
        found = judged(tmp_path, 300)
        eventually(lambda: report(tmp_path)["judged"] == report(tmp_path)["chosen"])
        assert found["offered"] <= load.answered


def test_evidence_survives_a_restart_and_another_b_or_a_reset_begins_a_chapter(tmp_path: Path) -> None:
    directory, chapters = tmp_path / "verdict", []
    directory.mkdir()
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b, Backend(numbered(0.01)) as other:
        for server, more in ((b, ()), (b, ()), (other, ()), (other, ("-verdict.reset",)), (other, ())):
            with Tee(*words(a.url, server.url, directory, *OFTEN, *more)) as tee:
                asks(tee, 50)
                tee.settled(50)
            found = report(directory)
            chapters.append((found["chapter"], found["judged"]))
    assert chapters == [(1, 50), (1, 100), (2, 50), (3, 50), (3, 100)]
    assert "price" in command("show", "1", str(directory), code=0)


SECRETS = [f"s3cr3t-{name}-8f2k" for name in ("bearer", "cookie", "key", "query", "json", "session", "answer", "basic")]


def test_no_credential_is_in_any_byte_of_the_evidence(tmp_path: Path) -> None:
    bearer, cookie, key, query, password, session, token, _ = SECRETS

    def login(more: int):
        def application(request: Request) -> bytes:
            body = json.dumps({"access_token": token, "password": password, "n": more, "echo": query}).encode()
            return response("200 OK", body, [*JSON, ("Set-Cookie", f"sid={session}; Path=/{more}"), ("X-Api-Key", key)])

        return application

    with Backend(login(1)) as a, Backend(login(2)) as b, Tee(*words(a.url, b.url, tmp_path, *OFTEN)) as tee:
        headers = [("Authorization", f"Bearer {bearer}"), ("Cookie", f"sid={cookie}"), ("X-Api-Key", key), *JSON]
        body = json.dumps({"user": "ann", "password": password, "echo": token}).encode()
        with RawClient(tee.port) as client:
            for _ in range(30):
                client.ask("POST", f"/login?token={query}", headers, body)
                client.ask("GET", f"/me?token={query}", headers)
        judged(tmp_path, 60)
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"/login?token=" in kept or b"login" in kept
        assert [secret for secret in SECRETS if secret.encode() in kept] == []
        shown = command("show", "1", str(tmp_path), code=0) + command("show", "1", str(tmp_path), "--curl", code=0)
        assert [secret for secret in SECRETS if secret in shown] == []
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert [secret for secret in SECRETS if secret.encode() in kept] == []


def test_several_bs_one_over_tls_one_that_refuses_and_one_that_is_silent(tmp_path: Path) -> None:
    directory = tmp_path / "verdict"
    directory.mkdir()
    authority = Authority(tmp_path)
    secure = Backend(numbered())
    secure.tls = authority.server()
    with Backend(numbered()) as a, secure, refusing_port() as refusing, ScriptedServer(blackhole()) as silent:
        backends = [
            f"https://127.0.0.1:{secure.port} name=secure ca={authority.file}",
            f"http://127.0.0.1:{refusing} name=refusing",
            f"{silent.url} name=silent timeout=200",
        ]
        bs = [word for line in backends for word in ("-b", line)]
        with Tee("-a", a.url, *bs, "-verdict", str(directory), *OFTEN) as tee:
            asks(tee, 60)
            eventually(lambda: len(reports(directory)) == 3 and judged(directory, 60, "secure"))
            eventually(lambda: findings(directory, "refusing") and findings(directory, "silent"))
            assert findings(directory, "secure") == {}
            place = ("GET /products/{int}", "outcome", "", "value")
            assert set(findings(directory, "refusing")) == {place}
            assert set(findings(directory, "silent")) == {place}
            assert "outcome" in command(str(directory), "--b", "refusing", code=3)


def test_an_a_that_is_down_makes_pairs_only_where_b_was_asked(tmp_path: Path) -> None:
    with refusing_port() as port, Backend(numbered()) as b:
        a = f"http://127.0.0.1:{port}"
        with Tee(*words(a, b.url, tmp_path, *OFTEN, "-b.when-a-fails", "send")) as tee:
            with RawClient(tee.port) as client:
                assert {client.ask(target=f"/products/{number}").status for number in range(20)} == {502}
            judged(tmp_path, 20)
        assert set(findings(tmp_path)) == {("GET /products/{int}", "outcome", "", "value")}


LONG = bytes(range(256)) * 2000


def streaming(last: bytes):
    """Answers of every form; the long ones end with `last`."""

    def application(request: Request) -> bytes:
        if request.target == "/events":
            events = [b"data: one\n\n", b"data: two\n\n", b"data: " + last + b"\n\n"]
            return chunked_response(*events, headers=[("Content-Type", "text/event-stream")])
        if request.target == "/long":
            return response("200 OK", LONG + last, [("Content-Type", "application/octet-stream")])
        if request.target == "/chunks":
            return chunked_response(LONG, last)
        if request.target == "/range":
            return response("206 Partial Content", b"0123", [("Content-Range", "bytes 0-3/10")])
        if request.target == "/unchanged":
            return response("304 Not Modified", None, [("ETag", '"1"')])
        if request.target == "/nothing":
            return response("204 No Content", None)
        if request.method == "HEAD":
            return response("200 OK", None, [("Content-Length", "12")])
        return response("200 OK", b"%d" % len(request.body))

    return application


def everything(tee: Tee) -> int:
    asked = 0
    with RawClient(tee.port) as client:
        for target in ("/events", "/long", "/chunks", "/range", "/unchanged", "/nothing"):
            client.ask(target=target)
            asked += 1
        client.ask("HEAD", "/head")
        client.ask("PUT", "/large", body=bytes(900_000))
        client.ask("PUT", "/huge", body=bytes(3_000_000))  # B does not get it: it is longer than -b.max-body
    return asked + 2


@pytest.mark.parametrize("last", [b"same", b"else"])
def test_answers_of_every_form_are_compared_the_long_ones_by_digest(tmp_path: Path, last: bytes) -> None:
    with Backend(streaming(b"same")) as a, Backend(streaming(last)) as b:
        with Tee(*words(a.url, b.url, tmp_path, *OFTEN, "-processes", "1")) as tee:
            asked = sum(everything(tee) for _ in range(4))
            eventually(lambda: tee.ledger().in_flight == 0)
            ledger = tee.ledger()
            judged(tmp_path, asked)
        found = {key[:3] for key in findings(tmp_path)}
        different = {("GET /events", "body", ""), ("GET /long", "body", ""), ("GET /chunks", "body", "")}
        assert {(route, part, "") for route, part, _ in found} == (set() if last == b"same" else different)
        assert ledger.drops == {"too_large": 4}


@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_under_gunicorn_each_process_has_a_verdict_of_its_own(tmp_path: Path, preload: tuple[str, ...]) -> None:
    options = ("--workers=2", "--worker-class=gthread", "--threads=4", *preload)
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": f"{b.url} name=canary", "HTTPTEE_VERDICT": str(tmp_path)}
        with mounted("gunicorn", {**env, "HTTPTEE_VERDICT_REPEAT": "0"}, *options) as (port, _):

            def both() -> bool:
                for number in range(20):
                    assert ask(port, target=f"/products/{number}").status == 200
                return {"1", "2"} <= {each.name for each in tmp_path.iterdir()}

            eventually(both)
        asked = len(a.requests)
        found = [report(tmp_path / name) for name in ("1", "2")]
        assert sum(one["judged"] for one in found) == asked == len(b.requests)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["1", "2"]


def test_reloads_under_load_keep_the_counts(tmp_path: Path) -> None:
    with Backend(numbered()) as a, Backend(numbered(0.01)) as b:
        line = words(a.url, b.url, tmp_path, "-verdict.repeat", "0")
        with Tee(*line) as tee:
            with Load(tee.port, 4, "/products/7", pause=0.001) as load:
                for _ in range(2):
                    mark, seen = tee.program.mark(), load.answered
                    eventually(lambda seen=seen: load.answered > seen + 200)
                    tee.program.send_signal(signal.SIGHUP)
                    tee.program.wait_for_line("reloaded: ", after=mark)
            assert not load.troubles
            (ledger,) = tee.settled(load.answered)
            found = judged(tmp_path, load.answered)
            assert (found["offered"], found["delivered"], found["chosen"]) == (load.answered,) * 3
            assert ledger.delivered == load.answered


def test_pairs_that_a_stopped_judge_does_not_take_are_counted_as_lost(tmp_path: Path) -> None:
    def large(own: bytes):
        body = b"%s" % own * 100_000
        return lambda request: response("200 OK", body, [("Content-Type", "text/plain")])

    with Backend(large(b"a")) as a, Backend(large(b"b")) as b, Tee(*words(a.url, b.url, tmp_path)) as tee:
        asks(tee, 1)
        judged(tmp_path, 1)
        stopped = judge_of(tee)
        suspend(stopped)
        asks(tee, 300)
        (ledger,) = tee.settled(301)
        assert ledger.delivered == 301
        os.kill(stopped, signal.SIGCONT)

        def all_read() -> bool:
            found = report(tmp_path)
            (finding,) = found["routes"][0]["findings"]
            lost = f"{found['judged'] - finding['pairs']} unequal pairs have not reached the judge"
            return 10 < finding["pairs"] < found["judged"] == 301 and any(lost in note for note in found["notes"])

        eventually(all_read)


def test_without_a_b_nothing_is_compared(tmp_path: Path) -> None:
    with Backend(numbered()) as a, Tee("-a", a.url, "-verdict", str(tmp_path)) as tee:
        asks(tee, 5)
    assert "could not" not in tee.program.output
    assert "Traceback" not in tee.program.output
