"""An admin application on a ledger, and what its pages answer."""

from types import SimpleNamespace

from httptee.admin.application import Admin
from httptee.admin.check import Check
from httptee.http import RECEIVED_HEADERS
from httptee.ledger.ledger import Ledger
from httptee.settings.config import load
from httptee.settings.shadow_settings import backend_names

WORDS = ["-a", "http://a:1", "-b", "http://b:2", "-b", "http://b:2", "-b.methods", "^GET$"]
SETTINGS = load(WORDS, {})


class Upstream:
    """Answers a check with what it is told to."""

    def __init__(self, outcome=200):
        self.outcome = outcome
        self.asked = []

    def send(self, request, timeouts):
        self.asked.append((request.method, request.target))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return SimpleNamespace(status_code=self.outcome, raw=SimpleNamespace(close=lambda: None))

    def close(self):
        pass


def make(check_path="", rows=2, outcome=200, evidence="", tallies=None, settings=(), mounting=None, pending=False):
    ledger = Ledger(backend_names(SETTINGS.b), rows)
    check = Check(Upstream(outcome), check_path, 1.0)
    watched = SimpleNamespace(place=evidence, tallies=tallies) if evidence or pending else None
    admin = Admin(load([*WORDS, *settings], {}), ledger, check, 1_700_000_000.0, None, watched, mounting)
    return SimpleNamespace(admin=admin, ledger=ledger, check=check)


def get(made, path, method="GET", headers=()):
    got = {}

    def start_response(status, headers, exc_info=None):
        got.update(status=int(status[:3]), headers=dict(headers))

    answer = made.admin(
        {"REQUEST_METHOD": method, "REQUEST_URI": path, RECEIVED_HEADERS: list(headers)}, start_response
    )
    body = b"".join(answer)
    answer.close()
    assert got["headers"]["Content-Length"] == str(len(body))
    return SimpleNamespace(body=body.decode(), **got)


def with_worker(made, **gauges):
    made.ledger.worker(0).publish(pid=41, core=1, started=1_700_000_000, connections=5, in_flight=3, **gauges)
    return made
