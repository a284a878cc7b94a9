"""A fault planted in each thing that only observes: the client's answer is A's, and B gets its clone."""

import io
import logging

import pytest

from httptee.build import build_ledger, build_tee
from httptee.http.cancellation import CANCELLATION, Cancellation
from httptee.ledger.accounts import Account, WorkerAccount
from httptee.ledger.ledger import Ledger
from httptee.logs.access_log import AccessLog, Record
from httptee.logs.line_writer import LineWriter
from httptee.primary import Outage
from httptee.processes.vitals import Vitals
from httptee.settings.config import load
from httptee.shadow.cutoff import Cutoff
from tests.support.backend import Backend
from tests.support.net import eventually, refusing_port

REQUESTS = 30


def broken(*args, **kwargs):
    raise KeyError("planted")


PLACES = [
    (WorkerAccount, "answered"),
    (WorkerAccount, "_count_timed"),
    (Account, "open"),
    (Account, "settle_delivered"),
    (Account, "_count_timed"),
    (AccessLog, "follow"),
    (AccessLog, "write"),
    (Record, "__init__"),
    (Record, "settled"),
    (LineWriter, "put"),
    (Cutoff, "observe"),
]


@pytest.fixture
def planted(request, monkeypatch):
    """The fault that the test names. It is there before the tee is built."""
    if hasattr(request, "param"):
        monkeypatch.setattr(*request.param, broken)


@pytest.fixture
def site(planted, tmp_path):
    with Backend() as a, Backend() as b:
        words = ["-a", a.url, "-b", b.url, "-b.cutoff", "5000", "-access-log", str(tmp_path / "log"), "-threads", "2"]
        settings = load(words, {})
        ledger = build_ledger(settings)
        tee = build_tee(settings, ledger)
        yield tee, ledger, b
        tee.close()


def ask(tee, target="/a", **changes):
    got = {}
    environ = {
        "REQUEST_METHOD": "POST",
        "REQUEST_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": "3",
        "HTTP_HOST": "h",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(b"abc"),
        **changes,
    }
    answer = tee(environ, lambda status, headers, exc_info=None: got.update(status=status))
    body = b"".join(answer)
    answer.close()
    return got["status"], body


@pytest.mark.parametrize("planted", PLACES, ids=[f"{owner.__name__}.{name}" for owner, name in PLACES], indirect=True)
@pytest.mark.parametrize("target", ["/a", "/a/chunked"])
def test_a_fault_costs_no_client_its_answer_and_no_b_its_clone(planted, target, site, caplog):
    tee, ledger, b = site
    for _ in range(REQUESTS):
        status, body = ask(tee, target)
        assert (status, body[: len(target) + 5]) == ("200 OK", f"POST {target}".encode())
    eventually(lambda: len(b.requests) == REQUESTS, "every clone")
    shadow = tee.shadows[0]
    eventually(lambda: not shadow._slots.taken, "every slot is free again")
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert 1 <= len(errors) <= 4  # one for each thing that fails, not one for each request
    assert ledger.primary().unobserved >= REQUESTS


def test_a_fault_in_the_count_of_a_refusal_changes_no_refusal(site, monkeypatch):
    monkeypatch.setattr(WorkerAccount, "refused", broken)
    monkeypatch.setattr(AccessLog, "refused", broken)
    assert ask(site[0], "nonsense")[0] == "400 Bad Request"


def test_nor_does_one_in_the_count_of_a_client_that_has_gone(site, monkeypatch):
    monkeypatch.setattr(WorkerAccount, "client_gone", broken)
    monkeypatch.setattr(Record, "client_gone", broken)
    gone = Cancellation()
    gone.cancel()
    assert ask(site[0], **{CANCELLATION: gone})[0].startswith("499 ")
    site[0].discarded({"REQUEST_METHOD": "GET", "REQUEST_URI": "/", "SERVER_PROTOCOL": "HTTP/1.1"})


@pytest.mark.parametrize("owner_and_name", [(WorkerAccount, "error"), (Outage, "failed")])
def test_a_fault_in_what_notes_the_failures_of_a_leaves_the_502(owner_and_name, monkeypatch):
    with refusing_port() as port:
        settings = load(["-a", f"127.0.0.1:{port}"], {})
        tee = build_tee(settings, build_ledger(settings))
        monkeypatch.setattr(*owner_and_name, broken)
        assert ask(tee)[0] == "502 Bad Gateway"
        tee.close()


def test_a_fault_in_what_notes_that_a_is_back_leaves_its_answer(site, monkeypatch):
    tee, ledger, _ = site
    ledger.outage[1] = 1  # a failure before
    monkeypatch.setattr(Outage, "recovered", broken)
    assert ask(tee)[0] == "200 OK"
    assert ledger.primary().unobserved == 1


def test_a_fault_in_the_gauges_does_not_end_the_loop_that_accepts_connections(monkeypatch):
    ledger = Ledger([])
    vitals = Vitals(ledger.worker(0), None, None)  # there is nothing to read a gauge from
    assert vitals.published()
    monkeypatch.setattr(WorkerAccount, "publish", broken)
    vitals.count(3)
    assert ledger.primary().unobserved == 2
