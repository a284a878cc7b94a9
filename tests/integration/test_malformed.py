"""Bad input: refused with the status that the table in docs/operations.md names, never passed on, never a traceback."""

from __future__ import annotations

import contextlib

import pytest

from tests.support.client import RawClient, ask
from tests.support.malformed import MALFORMED, documented
from tests.support.scripts import answer
from tests.support.standing import Standing

pytestmark = pytest.mark.integration


def test_the_documented_table_has_every_input_and_no_other() -> None:
    assert list(documented()) == list(MALFORMED)


@pytest.mark.parametrize("name", MALFORMED)
def test_each_gets_the_documented_answer_and_a_and_b_hear_nothing(standing: Standing, name: str) -> None:
    status, reason = documented()[name]
    options = ("-max-request-body", "1500000", "-client-timeout", "2000")
    with standing.between(answer(), answer(), *options) as (tee, a, b):
        with RawClient(tee.port) as client:
            with contextlib.suppress(ConnectionError):  # refused before all of it was sent
                client.send(MALFORMED[name])
            if reason == "closed":
                assert client.at_end()
            else:
                got = client.answer()
                assert (str(got.status), got.value("X-Httptee-Error")) == (status, reason)
                assert b"Traceback" not in got.body
                assert not got.keeps_alive
                assert client.at_end()
        assert ask(tee.port, target="/afterwards").status == 200
        assert [request.target for request in a.requests] == ["/afterwards"]
        assert [request.target for request in b.wait_for_requests()] == ["/afterwards"]
