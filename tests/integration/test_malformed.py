"""Bad input: refused with the status that the table in docs/operations.md names, never passed on, never a traceback."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask
from tests.support.malformed import MALFORMED, documented
from tests.support.tee import Tee

pytestmark = pytest.mark.integration


def test_the_documented_table_has_every_input_and_no_other() -> None:
    assert list(documented()) == list(MALFORMED)


@pytest.mark.parametrize("name", MALFORMED)
def test_each_gets_the_documented_answer_and_a_and_b_hear_nothing(name: str) -> None:
    status, reason = documented()[name]
    options = ("-max-request-body", "1500000", "-client-timeout", "2000")
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, *options) as tee:
        with RawClient(tee.port) as client:
            with contextlib.suppress(ConnectionError):  # refused before all of it was sent
                client.send(MALFORMED[name])
            if reason == "closed":
                assert client.at_end()
            else:
                answer = client.answer()
                assert (str(answer.status), answer.value("X-Httptee-Error")) == (status, reason)
                assert b"Traceback" not in answer.body
                assert not answer.keeps_alive
                assert client.at_end()
        assert ask(tee.port, target="/afterwards").status == 200
        assert [request.target for request in a.requests] == ["/afterwards"]
        assert [request.target for request in b.wait_for_requests()] == ["/afterwards"]
