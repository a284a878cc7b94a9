"""What `explain` says is what B gets: generated requests and rule sets, held against a raw socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from httptee.build import build_ledger, build_tee
from httptee.commands.demo.servers import Background
from httptee.commands.explain import Asked, explain
from httptee.http.endpoint import Endpoint
from httptee.settings.backend import Backend
from httptee.settings.settings import Settings
from tests.support.client import RawClient, request_bytes
from tests.support.net import eventually
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer, response

pytestmark = pytest.mark.integration

KEEPING_AWAY = [
    ["methods=GET,HEAD", "methods=!GET"],
    ["path=/a*", "path=re:%2F", "path=!*.png", "path=!/a* path=!*?b"],
    ["header=X-User", "header=!X-User=7", "header='Accept~[a-z]/' header=!Cookie"],
    ["percent=50 sticky=header:X-User", "percent=50 sticky=cookie:sid", "percent=30 sticky=path", "percent=0"],
    ["max-body=3", "max-body=100000"],
    ["rate=9/s"],
]
CHANGING = [
    ["host=target", "host=canary.test", "rewrite", "host=preserve"],
    ["set-header='X-Client: {client} {{{scheme}}} {host}'", "set-header=X-User:0 set-header='New: {request-id}'"],
    ["add-header=X-User:again add-header=accept:*/*"],
    ["remove-header=Authorization,Cookie", "remove-header=x-user remove-header=VIA"],
    [r"rewrite-path='^/a(.*)->/b\1\1'", "rewrite-path='^/[^/]*→' rewrite-path='$ -> /end'"],
    ["mark"],
]
TARGETS = ["/", "/a", "/a%2Fb//c?x=/a&y", "/b.png?", "//x", "/a/../b", "/%zz|", "/?", "/a?x?b", "http://other.test/a?b"]
NAMES = ["X-User", "x-user", "Accept", "Cookie", "Authorization", "X-Shadow", "Via", "Connection", "TE", "X_Y", "new"]
VALUES = st.sampled_from(["7", "8", "", "sid=1; a=b", "text/html", "X-User", "sésame", "a  b\tc"]) | st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20
)

rule_sets = st.tuples(
    # Mostly without those that keep a request away: together they would keep away nearly all.
    *(st.sampled_from([None] * 8 + choices) for choices in KEEPING_AWAY),
    *(st.sampled_from([None, *choices]) for choices in CHANGING),
).map(lambda chosen: " ".join(field for field in chosen if field))
requests = st.builds(
    Asked,
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PURGE"]),
    target=st.sampled_from(TARGETS) | st.from_regex(r"/[!\"$-~\x80-\xff]{0,30}", fullmatch=True),
    headers=st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=6).map(
        lambda pairs: [("Host", "shop.test"), ("X-Request-Id", "r1"), *pairs]
    ),
    body=st.binary(max_size=300),
)


@dataclass
class Stage:
    """A and B as raw sockets, and a front whose application changes from request to request."""

    a: ScriptedServer
    b: ScriptedServer
    application: Any = None
    delivered: int = 0

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.application(environ, start_response)


@pytest.fixture
def stage() -> Iterator[tuple[Stage, Background]]:
    with ScriptedServer(answer(response("204 No Content", None))) as a, ScriptedServer(answer(response())) as b:
        made = Stage(a, b)
        front = Background(made, Settings(threads=2))
        yield made, front
        front.close()
    assert made.delivered > 80  # of 200: or it was not their bytes that were compared


@settings(
    max_examples=200, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rules=rule_sets, asked=requests)
def test_the_bytes_explained_are_the_bytes_b_receives(
    stage: tuple[Stage, Background], rules: str, asked: Asked
) -> None:
    made, front = stage
    chosen = Settings(
        a=Endpoint.parse(made.a.url), b=(Backend.parse(f"{made.b.url}/prefix {rules}"),), threads=1, b_workers=1
    )
    ledger = build_ledger(chosen)
    made.application = tee = build_tee(chosen, ledger)
    made.a.requests.clear()
    made.b.requests.clear()
    headers = asked.headers + ([("Content-Length", str(len(asked.body)))] if asked.body else [])
    with RawClient(front.port) as client:
        client.send(request_bytes(asked.method, asked.target, headers, asked.body or None))
        assert client.answer(asked.method).status == 204
    (statement,) = eventually(lambda: [one for one in ledger.statements() if one.seen and not one.in_flight])
    tee.close()
    made.delivered += statement.delivered
    at_a, at_b = explain(chosen, asked)
    assert [request.raw for request in made.a.requests] == [at_a.data]
    # A sticky share without its key is drawn for, and a rate has tokens at first: B then got it or did not.
    if at_b.sent is not None:
        assert statement.delivered == at_b.sent, str(at_b)
    assert [request.raw for request in made.b.requests] == [at_b.data] * statement.delivered
    refusing = [finding.rule.reason for finding in at_b.findings if finding.passes is False]
    if at_b.sent is False:
        assert list(statement.dropped_by_reason) == refusing
    printed = "".join(re.findall(r"^  > (.*)\n?", str(at_a), re.MULTILINE))
    assert printed.encode("ascii").decode("unicode_escape").encode("latin-1") == at_a.data
