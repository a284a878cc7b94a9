"""Answers of A whose connection ends right behind their head. Without TLS: there, no head comes with the end."""

from __future__ import annotations

import pytest

from tests.support import scripts
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.scripted import ScriptedServer
from tests.support.tee import Tee

from .test_errors import assert_error

pytestmark = pytest.mark.integration

HEADS = {
    "a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_502_where_a_ends_right_behind_its_head(head: bytes, method: str) -> None:
    with ScriptedServer(scripts.end_with(head)) as a, Backend() as b, Tee("-a", a.url, "-b", b.url) as tee:
        assert_error(ask(tee.port, method), 502, "primary_reset")
        assert tee.settled(1)[0].seen == 1
        assert len(a.requests) == 1


def test_an_answer_without_a_length_may_end_right_behind_its_head() -> None:
    with ScriptedServer(scripts.end_with(b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n")) as a, Tee("-a", a.url) as tee:
        answer = ask(tee.port)
        assert (answer.status, answer.value("A"), answer.body) == (200, "b", b"")
