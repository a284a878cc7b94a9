import socket
from types import SimpleNamespace

import pytest
import requests
import responses
from requests.adapters import HTTPAdapter

from httptee.errors import BodyStorage, ClientGone, CutOff, TooManyUpgrades, UpstreamProtocolError, UpstreamReset
from httptee.http.cancellation import Cancellation
from httptee.http.endpoint import Endpoint
from httptee.http.message import Request
from httptee.ledger.ledger import Ledger
from httptee.primary import Primary
from httptee.transport.timeouts import Timeouts
from httptee.transport.upstream import Upstream

A = "http://a.example:9001"


@pytest.fixture
def mocked():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def ledger():
    return Ledger([])


@pytest.fixture
def primary(ledger):
    upstream = Upstream(Endpoint.parse(A), HTTPAdapter(), rewrite_host=False, close=False)
    made = Primary(upstream, Timeouts(connect=1, headers=1, idle=1), ledger.worker(0))
    yield made
    made.close()


def ask(primary, method="GET"):
    return primary.answer(Request(method, "/", [("Host", "h")], b"", "192.0.2.1", "http"))


def body(response):
    return response.body if isinstance(response.body, bytes) else b"".join(response.body)


def test_what_a_answers_is_what_the_client_gets(mocked, primary):
    mocked.get(f"{A}/", status=203, body=b"abc", headers={"X-a": "1"})
    response = ask(primary)
    assert (response.status, body(response), response.error) == (203, b"abc", "")
    assert ("X-a", "1") in response.headers


def test_hop_by_hop_fields_of_the_answer_stay_behind(mocked, primary):
    mocked.get(f"{A}/", headers={"Connection": "X-b", "X-b": "1", "Keep-Alive": "timeout=5", "X-a": "1"})
    names = {name for name, _ in ask(primary).headers}
    assert "X-a" in names
    assert not names & {"Connection", "X-b", "Keep-Alive"}


def test_a_redirect_is_the_clients_to_follow(mocked, primary):
    mocked.get(f"{A}/", status=302, headers={"Location": "http://elsewhere/"})
    response = ask(primary)
    assert response.status == 302
    assert ("Location", "http://elsewhere/") in response.headers


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (requests.ConnectTimeout("late"), 504, "primary_timeout"),
        (requests.ReadTimeout("late"), 504, "primary_timeout"),
        (requests.exceptions.SSLError("no"), 502, "primary_tls"),
        (requests.ConnectionError(ConnectionRefusedError(111, "refused")), 502, "primary_connect"),
        (requests.ConnectionError(ConnectionResetError(104, "reset")), 502, "primary_reset"),
        (UpstreamReset("closed"), 502, "primary_reset"),
        (RuntimeError("nobody foresaw this"), 502, "primary_protocol"),
    ],
)
def test_where_a_fails_the_answer_is_the_tees_own(mocked, primary, ledger, error, status, reason):
    mocked.get(f"{A}/", body=error)
    response = ask(primary)
    assert (response.status, response.error) == (status, reason)
    assert ("X-Httptee-Error", reason) in response.headers
    assert ledger.primary().errors_by_reason == {reason.removeprefix("primary_"): 1}


def test_a_body_that_cannot_be_read_is_no_fault_of_a(mocked, primary, ledger):
    mocked.get(f"{A}/", body=BodyStorage("gone"))
    with pytest.raises(BodyStorage):
        ask(primary)
    assert ledger.primary().errors_by_reason == {}


def test_a_body_that_breaks_off_is_counted_and_raised(primary, ledger):
    def broken():
        yield b"def"
        raise UpstreamReset("closed")

    with pytest.raises(UpstreamReset):
        list(primary._pieces(b"abc", broken()))
    assert ledger.primary().errors_by_reason == {"reset": 1}


class Canceling:
    """An upstream whose exchange is canceled and fails, before the header fields or after a piece of the body."""

    def __init__(self, reason, begins):
        self.reason, self.begins = reason, begins

    def send(self, request, timeouts, cancellation, interim, timed=False):
        self.cancellation = cancellation
        if not self.begins:
            self.fail()
        raw = SimpleNamespace(headers={}, stream=self.stream, close=lambda: None, whole=None)
        return SimpleNamespace(status_code=200, reason="OK", raw=raw)

    def stream(self):
        yield b"abc"
        self.fail()

    def fail(self):
        self.cancellation.cancel(self.reason)
        raise UpstreamReset("closed")


@pytest.mark.parametrize(("reason", "status"), [(ClientGone, 499), (CutOff, 503)])
def test_a_request_that_was_canceled_is_no_error_of_a(ledger, reason, status):
    primary = Primary(Canceling(reason, False), None, ledger.worker(0))
    response = primary.answer(Request("GET", "/", [], b"", "192.0.2.1", "http"), Cancellation())
    assert (response.status, response.error, response.body) == (status, reason.reason, b"")
    assert ledger.primary().errors_by_reason == {}


@pytest.mark.parametrize("reason", [ClientGone, CutOff])
def test_nor_is_one_that_was_canceled_in_mid_answer(ledger, reason):
    primary = Primary(Canceling(reason, True), None, ledger.worker(0))
    response = primary.answer(Request("GET", "/", [], b"", "192.0.2.1", "http"), Cancellation())
    with pytest.raises(reason):
        list(response.body)
    assert ledger.primary().errors_by_reason == {}


class Breaking:
    """An upstream whose answer has a head, and then an error before any of its body."""

    def __init__(self, error, cancel=None):
        self.error, self.cancel = error, cancel

    def send(self, request, timeouts, cancellation, interim, timed=False):
        def stream():
            if self.cancel is not None:
                cancellation.cancel(self.cancel)
            raise self.error
            yield

        raw = SimpleNamespace(headers={"A": "1"}, stream=stream, close=lambda: None, whole=None)
        return SimpleNamespace(status_code=200, reason="OK", raw=raw)


@pytest.mark.parametrize(
    ("error", "reason"), [(UpstreamReset("closed"), "reset"), (UpstreamProtocolError("no chunk"), "protocol")]
)
def test_an_error_before_the_first_piece_is_an_answer_of_the_tees_own(ledger, error, reason):
    states = []
    outage = SimpleNamespace(
        fails=True, recovered=lambda: states.append("up"), failed=lambda error: states.append(error)
    )
    primary = Primary(Breaking(error), None, ledger.worker(0), outage)
    response = primary.answer(Request("POST", "/", [], b"", "192.0.2.1", "http"), Cancellation())
    assert (response.status, response.error, response.unsent) == (502, f"primary_{reason}", False)
    assert response.whole
    assert ledger.primary().errors_by_reason == {reason: 1}
    assert states == [error]


def test_a_cancellation_before_the_first_piece_is_no_error_of_a(ledger):
    primary = Primary(Breaking(UpstreamReset("closed"), ClientGone), None, ledger.worker(0))
    response = primary.answer(Request("GET", "/", [], b"", "192.0.2.1", "http"), Cancellation())
    assert (response.status, response.error) == (499, "client_gone")
    assert ledger.primary().errors_by_reason == {}


def test_an_error_of_a_that_is_not_canceled_is_counted_with_a_cancellation_present(mocked, primary, ledger):
    mocked.get(f"{A}/", body=UpstreamReset("closed"))
    assert primary.answer(Request("GET", "/", [], b"", "192.0.2.1", "http"), Cancellation()).status == 502
    assert ledger.primary().errors_by_reason == {"reset": 1}


class Places:
    """The places of upgraded connections."""

    def __init__(self, free=1):
        self.free, self.released = free, 0

    def __len__(self):
        return 1 - self.free

    def reserve(self):
        if not self.free:
            raise TooManyUpgrades("none is left")
        self.free -= 1

    def release(self):
        self.free += 1
        self.released += 1

    def close(self, timeout):
        self.closed = timeout


ASKS = Request("GET", "/", [], b"", "192.0.2.1", "http", upgrade=("x",))


def test_a_request_for_an_upgrade_takes_a_place_and_gives_it_back_with_any_other_answer(mocked, primary):
    primary._tunnels = places = Places()
    mocked.get(f"{A}/", status=200, body=b"ok")
    assert (primary.answer(ASKS).status, places.released, primary.upgraded) == (200, 1, 0)
    mocked.remove(responses.GET, f"{A}/")
    mocked.get(f"{A}/", body=BodyStorage("gone"))
    with pytest.raises(BodyStorage):
        primary.answer(ASKS)
    assert (places.free, places.released) == (1, 2)


def test_without_a_place_a_is_not_asked(mocked, primary):
    primary._tunnels = Places(free=0)
    with pytest.raises(TooManyUpgrades):
        primary.answer(ASKS)
    assert not mocked.calls
    assert primary.upgraded == 1


def test_a_101_switches_and_keeps_its_place(ledger):
    peer, a = socket.socketpair()
    raw = SimpleNamespace(
        status=101, reason="Switch", pairs=[("Upgrade", "x"), ("Content-Length", "3")], length=None, whole=None
    )
    raw.give_up_connection = lambda: (SimpleNamespace(sock=a), b"early")
    upstream = SimpleNamespace(
        send=lambda *_, **__: SimpleNamespace(status_code=101, reason="Switch", raw=raw), close=lambda: None
    )
    places = Places()
    primary = Primary(upstream, None, ledger.worker(0), tunnels=places)
    answer = primary.answer(ASKS)
    assert (answer.status, answer.headers, answer.body) == (101, [("Upgrade", "x")], b"")
    assert answer.switch is not None
    assert (places.free, places.released) == (0, 0)
    primary.close(3.0)
    assert places.closed == 3.0
    peer.close()
    a.close()
