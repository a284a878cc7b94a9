"""One id of a request at A, at every B, in the access log and in the evidence; a trace passes untouched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.net import eventually
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.verdicts import command
from tests.support.wire import Request

pytestmark = pytest.mark.integration

TRACE = [
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"),
]


def ids(server: Backend) -> dict[str, list[str]]:
    """The values of the field in each request of a server, by target."""
    return {
        request.target: [value for name, value in request.headers if name.lower() == "x-request-id"]
        for request in list(server.requests)
    }


def test_a_trace_reaches_a_and_b_as_it_was_sent() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee:
        assert ask(tee.port, headers=[("Host", "h"), *TRACE]).status == 200
        tee.settled(1)
        for server in (a, b):
            (request,) = server.requests
            assert [pair for pair in request.headers if pair[0].startswith("trace")] == TRACE


@pytest.mark.parametrize("processes", ["1", "2"])
def test_one_id_joins_a_the_bs_the_access_log_and_the_evidence(processes: str, tmp_path: Path) -> None:
    def another(request: Request) -> bytes:
        return response("200 OK", b'{"price": 2}', [("Content-Type", "application/json")])

    def right(request: Request) -> bytes:
        return response("200 OK", b'{"price": 1}', [("Content-Type", "application/json")])

    log, evidence = tmp_path / "access.log", tmp_path / "verdict"
    evidence.mkdir()
    with Backend(right) as a, Backend(another) as b, Backend() as c:
        words = ["-a", a.url, "-b", f"{b.url} name=canary", "-b", c.url, "-processes", processes]
        words += ["-request-id-header", "X-Request-Id", "-access-log", str(log), "-access-log-format", "json"]
        with Tee(*words, "-verdict", str(evidence), "-verdict.repeat", "0", "-verdict.keep", "paths") as tee:
            ask(tee.port, target="/own", headers=[("Host", "h"), ("x-request-ID", "from-the:client")])
            ask(tee.port, target="/bad", headers=[("Host", "h"), ("X-Request-Id", "not an id")])
            ask(tee.port, target="/none")
            tee.settled(3)
            at_a = ids(a)
            assert at_a["/own"] == ["from-the:client"]
            for target in ("/bad", "/none"):
                assert re.fullmatch("[0-9a-f]{16}", at_a[target][0])
            assert ids(b) == ids(c) == at_a
            logged = eventually(lambda: lines if len(lines := log.read_text().splitlines()) == 3 else [], "the log")
            records = [json.loads(line) for line in logged]
            assert {record["target"]: [record["id"]] for record in records} == at_a
            pairs = eventually(lambda: shown(evidence, 6), "the evidence")
    assert pairs == {value for (value,) in at_a.values()}


def shown(evidence: Path, count: int) -> set[str]:
    """The ids of the first pairs that are kept, once there are that many."""
    try:
        said = [command("show", str(number + 1), str(evidence), code=0) for number in range(count)]
    except AssertionError:  # not stored yet
        return set()
    return {match[1] for text in said if (match := re.search(r"^id (\S+)$", text, re.MULTILINE))}


def test_the_log_of_the_tee_is_json_from_start_to_end() -> None:
    with Backend() as a, Tee("-a", a.url, "-b", a.url, "-allow-same", "-log-format", "json", "-processes", "2") as tee:
        assert ask(tee.port).status == 200
        tee.stop()
        lines = [json.loads(line) for line in tee.program.lines if not line.startswith("httptee: ")]
    assert {line["level"] for line in lines} == {"INFO"}
    assert any(line["message"].startswith("drained in") for line in lines)
