import gc
import threading
from types import SimpleNamespace

import pytest

from httptee import shadow as module
from httptee.breaker import Breaker, BreakerPolicy
from httptee.budget import Budget
from httptee.cutoff import Cutoff
from httptee.endpoint import Endpoint
from httptee.errors import UpstreamTimeout
from httptee.ledger import Ledger
from httptee.message import Exchange, Request
from httptee.pressure import Pressure
from httptee.selection import selections
from httptee.shadow import Guards, Shadow
from httptee.shadow_settings import ShadowSettings
from tests.support.net import eventually

EXCHANGE = Exchange(Request("GET", "/", [], b"", "192.0.2.1", "http"), 200, 0.01)
POLICY = BreakerPolicy()
PATIENCE = 10.0


class ScriptedUpstream:
    """Answers 204, raises what it is told to, or holds every request until `gate` opens."""

    endpoint = Endpoint.parse("http://b:9002")

    def __init__(self, outcome=204, held=False):
        self.outcome = outcome
        self.unread_for = 0.0
        self.gate = threading.Event()
        self.sent = 0
        self.closed = 0
        if not held:
            self.gate.set()

    def send(self, request, timeouts):
        self.sent += 1
        assert self.gate.wait(PATIENCE)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return SimpleNamespace(
            status_code=self.outcome, raw=SimpleNamespace(stream=lambda: iter([b"x"]), unread_for=self.unread_for)
        )

    def close(self):
        self.closed += 1


@pytest.fixture
def make():
    """A shadow, its upstream and its ledger; all are closed at the end."""
    made = []

    def build(outcome=204, held=False, workers=2, backlog=3, policy=POLICY, max_bytes=10**6, cutoff=None, **rules):
        upstream, ledger = ScriptedUpstream(outcome, held), Ledger(["b"])
        (selection,) = selections([ShadowSettings(upstream.endpoint, "b", **rules)])
        options = {"workers": workers, "backlog": backlog, "timeout": 1.0}
        guards = Guards(Breaker("b", ledger.circuits[0], policy), Budget(max_bytes), Pressure(), cutoff)
        shadow = Shadow(upstream, ledger.accounts(0)[0], selection, guards, **options)
        made.append((shadow, upstream))
        return shadow, upstream, ledger

    yield build
    for shadow, upstream in made:
        upstream.gate.set()
        shadow.drain(PATIENCE)


def settled(ledger):
    eventually(lambda: not ledger.statements()[0].in_flight)
    return ledger.statements()[0]


def test_a_clone_is_delivered(make):
    shadow, upstream, ledger = make()
    shadow.offer(EXCHANGE)
    assert settled(ledger).delivered_by_status == {204: 1}
    assert upstream.sent == 1


def test_no_thread_and_no_executor_before_the_first_clone(make):
    before = threading.active_count()
    shadow, _, _ = make(percent=0)
    shadow.offer(EXCHANGE)
    assert threading.active_count() == before


def test_workers_and_backlog_bound_what_is_in_hand_and_the_rest_is_dropped_at_once(make):
    shadow, upstream, ledger = make(held=True, workers=2, backlog=3)
    for _ in range(12):
        shadow.offer(EXCHANGE)
    (statement,) = ledger.statements()
    assert (statement.seen, statement.in_flight, statement.dropped_by_reason) == (12, 5, {"saturated": 7})
    eventually(lambda: upstream.sent == 2)
    assert repr(shadow) == "<Shadow http://b:9002 [busy 2/2, queued 3, dropped 7]>"
    upstream.gate.set()
    assert settled(ledger).delivered == 5


def test_a_slot_is_free_again_after_each_clone(make):
    shadow, _, ledger = make(workers=1, backlog=0)
    for expected in range(1, 6):
        eventually(lambda: shadow._slots._value == 1)
        shadow.offer(EXCHANGE)
        assert settled(ledger).delivered == expected


def test_a_failure_is_counted_by_its_reason_and_frees_its_slot(make):
    shadow, _, ledger = make(outcome=UpstreamTimeout("silent"), workers=1, backlog=0)
    for _ in range(3):
        eventually(lambda: shadow._slots._value == 1)
        shadow.offer(EXCHANGE)
        settled(ledger)
    assert ledger.statements()[0].failed_by_reason == {"timeout": 3}


def test_an_error_nobody_foresaw_is_accounted_for_too(make):
    shadow, _, ledger = make(outcome=RuntimeError("a bug"))
    shadow.offer(EXCHANGE)
    assert settled(ledger).failed_by_reason == {"protocol": 1}


def test_what_the_selection_refuses_is_dropped_for_that_reason(make):
    shadow, upstream, ledger = make(percent=0)
    shadow.offer(EXCHANGE)
    assert ledger.statements()[0].dropped_by_reason == {"sampled_out": 1}
    assert upstream.sent == 0


def test_after_stop_everything_is_dropped_as_closing(make):
    shadow, _, ledger = make()
    shadow.stop()
    shadow.offer(EXCHANGE)
    assert ledger.statements()[0].dropped_by_reason == {"closing": 1}


def test_drain_delivers_what_is_waiting(make):
    shadow, upstream, ledger = make(held=True, workers=1, backlog=3)
    for _ in range(4):
        shadow.offer(EXCHANGE)
    upstream.gate.set()
    shadow.drain(PATIENCE)
    assert ledger.statements()[0].delivered == 4


def test_drain_gives_up_at_its_deadline_and_says_what_it_dropped(make):
    shadow, upstream, ledger = make(held=True, workers=1, backlog=3)
    for _ in range(4):
        shadow.offer(EXCHANGE)
    eventually(lambda: upstream.sent == 1)
    shadow.drain(0)
    (statement,) = ledger.statements()
    assert statement.dropped_by_reason == {"closing": 3}
    assert statement.in_flight == 1


def test_drain_may_be_called_twice(make):
    shadow, upstream, _ = make()
    shadow.drain(1)
    shadow.drain(1)
    assert upstream.closed == 2


def test_offers_from_many_threads_are_all_accounted_for_while_it_drains(make):
    shadow, _, ledger = make(workers=4, backlog=5)

    def offer():
        for _ in range(500):
            shadow.offer(EXCHANGE)

    threads = [threading.Thread(target=offer) for _ in range(8)]
    for thread in threads:
        thread.start()
    shadow.drain(PATIENCE)
    for thread in threads:
        thread.join()
    statement = settled(ledger)
    assert statement.seen == 4000
    assert statement.delivered + statement.dropped == 4000


def test_a_delivered_clone_is_not_kept(make):
    shadow, _, ledger = make()
    shadow.offer(Exchange(EXCHANGE.request, 299, 0.0))
    settled(ledger)
    eventually(lambda: not [one for one in gc.get_objects() if isinstance(one, Exchange) and one.status == 299])


def with_body(size):
    return Exchange(Request("POST", "/", [], b"x" * size, "192.0.2.1", "http"), 200, 0.01)


def test_clones_over_the_byte_budget_are_dropped_and_bytes_come_back(make):
    shadow, upstream, ledger = make(held=True, max_bytes=25)
    for _ in range(3):
        shadow.offer(with_body(10))
    shadow.offer(EXCHANGE)
    (statement,) = ledger.statements()
    assert (statement.dropped_by_reason, statement.in_flight) == ({"over_budget": 1}, 3)
    upstream.gate.set()
    settled(ledger)
    eventually(lambda: not shadow._budget.held)
    assert shadow._slots._value == 5


def test_after_failures_in_a_row_clones_cost_no_exchange(make):
    policy = BreakerPolicy(failures=2, shortest=60.0, longest=60.0)
    shadow, upstream, ledger = make(outcome=UpstreamTimeout("silent"), policy=policy)
    for _ in range(10):
        shadow.offer(EXCHANGE)
        settled(ledger)
    assert upstream.sent == 2
    assert ledger.statements()[0].dropped_by_reason == {"circuit_open": 8}


def test_what_waits_when_the_circuit_opens_is_dropped_with_it(make):
    policy = BreakerPolicy(failures=1, shortest=60.0, longest=60.0)
    shadow, upstream, ledger = make(outcome=UpstreamTimeout("silent"), held=True, workers=1, policy=policy)
    for _ in range(4):
        shadow.offer(EXCHANGE)
    eventually(lambda: upstream.sent == 1)
    upstream.gate.set()
    statement = settled(ledger)
    assert statement.failed_by_reason == {"timeout": 1}
    assert statement.dropped_by_reason == {"circuit_open": 3}


def test_while_the_share_is_cut_clones_are_dropped_for_that(make):
    cutoff = Cutoff(1.0, draw=lambda: 0.5)
    cutoff.share = 0.25
    shadow, _, ledger = make(cutoff=cutoff)
    shadow.offer(EXCHANGE)
    assert ledger.statements()[0].dropped_by_reason == {"cut_off": 1}


@pytest.mark.parametrize(("unread_for", "pauses"), [(0.0, False), (0.004, True)])
def test_a_thread_makes_way_only_where_answers_of_b_lie_unread(make, monkeypatch, unread_for, pauses):
    slept = []
    monkeypatch.setattr(module, "sleep", slept.append)
    shadow, upstream, _ = make(workers=1, backlog=9)
    shadow._pressure.mean = unread_for
    upstream.gate.clear()
    for _ in range(2):
        shadow.offer(EXCHANGE)
    assert slept == []
    for _ in range(3):
        shadow.offer(EXCHANGE)
    upstream.gate.set()
    assert slept == pytest.approx([module._LONGEST_PAUSE * busy / 10 for busy in (9, 10, 10)] if pauses else [])


def test_of_a_b_that_never_answers_nothing_lies_unread(make, monkeypatch):
    slept = []
    monkeypatch.setattr(module, "sleep", slept.append)
    shadow, _, _ = make(held=True, workers=1, backlog=9)
    for _ in range(20):
        shadow.offer(EXCHANGE)
    assert slept == []


def test_workers_that_are_short_of_processor_time_are_few_and_others_are_as_many_as_may_be(make, monkeypatch):
    monkeypatch.setattr(module, "sleep", lambda seconds: None)
    shadow, upstream, _ = make(workers=9, backlog=20)
    shadow._pressure.mean = 0.004
    upstream.gate.clear()
    before = upstream.sent
    for _ in range(20):
        shadow.offer(EXCHANGE)
    eventually(lambda: upstream.sent == before + module._FEW)
    shadow._pressure.mean = upstream.unread_for = 0.0
    for _ in range(6):
        shadow.offer(EXCHANGE)
    eventually(lambda: upstream.sent == before + 9)
