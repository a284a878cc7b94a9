"""Nothing that a B does can be seen by A's clients, and every clone is accounted for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.net import eventually, refusing_port, unaccepting_port
from tests.support.scripted import Script, ScriptedServer
from tests.support.scripts import chunked_response, response
from tests.support.tee import Tee
from tests.support.wire import Headers

pytestmark = pytest.mark.integration

SHAPES = ["", "chunked", "empty", "nothing", "missing", "broken"]
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "PROPFIND"]
CLIENTS = 4
REQUESTS = CLIENTS * len(SHAPES) * len(METHODS)
HEADS = CLIENTS * len(SHAPES)

OPTIONS = ["-b.timeout", "300", "-b.workers", "32", "-b.chanSize", "1000", "--drain-timeout", "20000"]

Answers = dict[tuple[int, str, str], tuple[str, Headers, bytes]]


def ask_everything(port: int) -> Answers:
    """Every method with every shape of answer, from several clients at once: what each of them got."""

    def work(number: int) -> Answers:
        got: Answers = {}
        with RawClient(port) as client:
            for shape in SHAPES:
                for method in METHODS:
                    body = None if method in ("GET", "HEAD") else f"{method} of {number} ".encode() * 100
                    answer = client.ask(method, f"/{number}/{shape}", body=body)
                    got[number, method, shape] = (answer.start, answer.headers, answer.body)
        return got

    with ThreadPoolExecutor(CLIENTS) as pool:
        return {key: value for part in pool.map(work, range(CLIENTS)) for key, value in part.items()}


@pytest.fixture(scope="module")
def undisturbed() -> Answers:
    """What clients get where there is no B at all."""
    with Backend() as a, Tee("-a", a.url) as tee:
        answers = ask_everything(tee.port)
    assert len(answers) == REQUESTS
    return answers


def scripted(script: Script) -> AbstractContextManager[str]:
    """The URL of a B that follows a script."""

    @contextmanager
    def b() -> Iterator[str]:
        with ScriptedServer(script) as server:
            yield server.url

    return b()


@contextmanager
def refusing() -> Iterator[str]:
    """The URL of a B whose port is closed."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def unaccepting() -> Iterator[str]:
    """The URL of a B that lets connections hang in the air."""
    with unaccepting_port() as port:
        yield f"http://127.0.0.1:{port}"


ENDLESS = "never stops answering"

# What B does, and the reason for which the clones that were sent must have failed; None where they are delivered.
# Where only the body is at fault, the answer to a HEAD is whole with its headers: such a clone is delivered.
BEHAVIORS = {
    "refuses connections": (refusing, "connect"),
    "accepts nobody": (unaccepting, "timeout|connect"),
    "never answers": (lambda: scripted(scripts.blackhole()), "timeout"),
    "answers later than its timeout": (lambda: scripted(scripts.delayed(1)), "timeout"),
    "trickles past its timeout": (lambda: scripted(scripts.trickle(response(body=b"x" * 1000))), "timeout"),
    ENDLESS: (lambda: scripted(scripts.endless()), "timeout|protocol"),
    "sends garbage": (lambda: scripted(scripts.garbage()), "protocol"),
    "sends garbage chunks": (
        lambda: scripted(scripts.garbage(chunked_response(b"x", last=False) + b"zz\r\nx\r\n")),
        "protocol",
    ),
    "resets at once": (lambda: scripted(scripts.reset_after()), "reset"),
    "resets in mid answer": (
        lambda: scripted(scripts.reset_after(response(body=b"x" * 1000)[:-500])),
        "reset|protocol",
    ),
    "closes in mid answer": (
        lambda: scripted(scripts.answer_and_close(response(body=b"x" * 1000)[:-500])),
        "reset|protocol",
    ),
    "closes without an answer": (lambda: scripted(scripts.answer_and_close(b"")), "reset"),
    "answers 500": (lambda: scripted(scripts.serve(lambda request: response("500 Oh", body=b""))), None),
    "answers before the body has come": (lambda: scripted(scripts.early(response("413 No"))), "any"),
}


BODY_ONLY = {"sends garbage chunks", "resets in mid answer", "closes in mid answer"}


@pytest.mark.parametrize("kind", BEHAVIORS)
def test_every_answer_is_what_it_would_be_without_a_b_that(kind: str, undisturbed: Answers) -> None:
    behavior, reason = BEHAVIORS[kind]
    with Backend() as a, behavior() as b:
        with Tee("-a", a.url, "-b", b, *OPTIONS) as tee:
            assert ask_everything(tee.port) == undisturbed
            assert len(a.requests) == REQUESTS
            tee.ledgers()  # balanced in the middle of it all, too
            (ledger,) = tee.stop()
        assert (ledger.seen, ledger.in_flight) == (REQUESTS, 0)
        if reason is None:
            assert (ledger.delivered, ledger.failed) == (REQUESTS, 0)
        elif reason != "any":
            if kind != ENDLESS:  # the tee cuts its answers off, and each counts as delivered or as too slow
                assert ledger.delivered <= (HEADS if kind in BODY_ONLY else 0), ledger
                assert ledger.failed > 0, ledger
            expected = set(str(reason).split("|"))
            assert kind == ENDLESS or expected & set(ledger.failures), ledger
            # On a busy machine, any B is too slow for some clones.
            assert set(ledger.failures) <= expected | {"timeout"}, ledger


def test_a_b_that_is_saturated_loses_clones_and_nothing_else(undisturbed: Answers) -> None:
    options = ["-b.timeout", "500", "-b.workers", "2", "-b.chanSize", "3", "--drain-timeout", "20000"]
    with Backend() as a, ScriptedServer(scripts.blackhole()) as b:
        with Tee("-a", a.url, "-b", b.url, *options) as tee:
            assert ask_everything(tee.port) == undisturbed
            (ledger,) = tee.stop()
        assert (ledger.seen, ledger.delivered, ledger.in_flight) == (REQUESTS, 0, 0)
        assert ledger.drops["saturated"] > 0
        assert ledger.failed + ledger.dropped == REQUESTS


def test_a_b_that_is_dead_costs_another_b_nothing(undisturbed: Answers) -> None:
    with Backend() as a, ScriptedServer(scripts.blackhole()) as dead, Backend() as alive:
        with Tee("-a", a.url, "-b", dead.url, "-b", alive.url, *OPTIONS) as tee:
            assert ask_everything(tee.port) == undisturbed
            dead_ledger, alive_ledger = tee.stop()
        assert (dead_ledger.url, alive_ledger.url) == (dead.url, alive.url)
        assert (dead_ledger.seen, dead_ledger.delivered) == (REQUESTS, 0)
        assert (alive_ledger.seen, alive_ledger.delivered) == (REQUESTS, REQUESTS)
        assert alive.bodies() == a.bodies()


def test_a_drain_that_runs_out_of_time_accounts_for_what_it_leaves() -> None:
    with Backend() as a, ScriptedServer(scripts.blackhole()) as b:
        options = ["-b.timeout", "3000", "-b.workers", "2", "--drain-timeout", "100"]
        with Tee("-a", a.url, "-b", b.url, *options) as tee, RawClient(tee.port) as client:
            for _ in range(20):
                assert client.ask().status == 200
            (ledger,) = tee.stop()
        assert (ledger.seen, ledger.delivered) == (20, 0)
        assert ledger.drops["closing"] > 0


def test_one_line_says_that_a_b_went_down_however_many_clones_fail() -> None:
    with Backend() as a, refusing_port() as port:
        with Tee("-a", a.url, "-b", f"http://127.0.0.1:{port}") as tee, RawClient(tee.port) as client:
            for _ in range(200):
                assert client.ask().status == 200
            (ledger,) = tee.stop()
        assert ledger.failed + ledger.dropped == 200
        assert len(tee.program.lines) < 20, tee.program.output


def test_a_b_that_comes_up_later_is_found() -> None:
    with refusing_port() as port:
        pass  # refused from here on as well, as long as nobody takes it
    with Backend() as a, Tee("-a", a.url, "-b", f"http://127.0.0.1:{port}") as tee, RawClient(tee.port) as client:
        assert client.ask().status == 200
        assert tee.settled(1)[0].failures == {"connect": 1}
        with Backend(port=port) as b:
            asked = itertools.count(2)

            def found() -> bool:
                assert client.ask().status == 200
                tee.settled(next(asked))
                return bool(b.requests)

            eventually(found, "the first clone at B")
            assert tee.ledger().delivered >= 1
