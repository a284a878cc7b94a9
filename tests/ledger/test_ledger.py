import gc
import os
import threading
import weakref
from types import SimpleNamespace

import pytest

from httptee.errors import REFUSAL_REASONS
from httptee.ledger.columns import BOUNDS, DROP_REASONS, FAILURE_REASONS, IS_OPEN, ShadowLine, WorkerLine
from httptee.ledger.ledger import Ledger
from httptee.ledger.statements import Worker, distinct
from tests.support.ledger import parse
from tests.support.net import eventually


def test_a_new_ledger_is_all_zero():
    (statement,) = Ledger(["b"]).statements()
    assert (statement.seen, statement.delivered, statement.failed, statement.dropped, statement.in_flight) == (0,) * 5


def test_every_number_of_an_account_is_read_from_the_memory():
    ledger = Ledger(["b"])
    ledger.spools.give_desks(["b"], 1, {"b": ""})
    words = ledger.spools.by_name["b"]
    words.line[ShadowLine.SEEN] = 2
    words.line[ShadowLine.HANDED_OVER] = words.taken[ShadowLine.OTHER_STATUS] = 1
    for line, width in ((ledger.accounts(0)[0], ShadowLine.WIDTH), (ledger.worker(0), WorkerLine.WIDTH)):
        for column in range(width):
            line._cells[column] = 1
    for account in (ledger.primary(), *ledger.statements()):
        for name in account.__slots__:
            assert getattr(account, name) not in (0, 0.0, {}), name


def test_every_clone_is_somewhere_at_every_step():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    account.open()
    account.open()
    account.open()
    account.drop("saturated")
    assert ledger.statements()[0].in_flight == 3
    account.settle_delivered(204, 0.0)
    account.settle_failed("timeout")
    account.settle_dropped("closing")
    (statement,) = ledger.statements()
    assert statement.delivered_by_status == {204: 1}
    assert statement.failed_by_reason == {"timeout": 1}
    assert statement.dropped_by_reason == {"saturated": 1, "closing": 1}
    assert (statement.seen, statement.in_flight) == (4, 0)


def test_a_clone_that_is_counted_twice_is_found_by_the_tests():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    account.drop("saturated")
    (line,) = parse(str(ledger))
    line.check()
    account.settle_failed("lost")
    (line,) = parse(str(ledger))
    assert line.in_flight == -1
    with pytest.raises(AssertionError):
        line.check()


@pytest.mark.parametrize("reason", FAILURE_REASONS)
def test_every_failure_reason_has_its_own_count(reason):
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].settle_failed(reason)
    assert ledger.statements()[0].failed_by_reason == {reason: 1}


@pytest.mark.parametrize("reason", DROP_REASONS)
def test_every_drop_reason_has_its_own_count(reason):
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].drop(reason)
    assert ledger.statements()[0].dropped_by_reason == {reason: 1}


def test_a_reason_outside_the_set_is_refused():
    with pytest.raises(KeyError):
        Ledger(["b"]).accounts(0)[0].drop("mislaid")


def test_a_status_no_one_has_heard_of_is_counted_all_the_same():
    ledger = Ledger(["b"])
    ledger.accounts(0)[0].settle_delivered(999, 0.0)
    assert ledger.statements()[0].delivered == 1


def test_backends_and_workers_do_not_mix():
    ledger = Ledger(["b", "c"], rows=2)
    ledger.accounts(0)[0].open()
    ledger.accounts(1)[0].open()
    ledger.accounts(1)[1].drop("filtered")
    b, c = ledger.statements()
    assert (b.backend, b.seen, b.dropped) == ("b", 2, 0)
    assert (c.backend, c.seen, c.dropped) == ("c", 1, 1)


def test_a_child_process_counts_in_its_parents_ledger():
    ledger = Ledger(["b"], rows=2)
    child = os.fork()
    if not child:
        ledger.accounts(1)[0].open()
        os._exit(0)
    os.waitpid(child, 0)
    assert ledger.statements()[0].seen == 1


def test_what_a_dead_worker_held_is_lost_and_only_that():
    ledger = Ledger(["b"], rows=2)
    dead, alive = ledger.accounts(0)[0], ledger.accounts(1)[0]
    for account in (dead, dead, alive):
        account.open()
    dead.settle_delivered(200, 0.0)
    ledger.settle_lost(0)
    (statement,) = ledger.statements()
    assert statement.failed_by_reason == {"lost": 1}
    assert statement.in_flight == 1


def test_what_a_worker_holds_at_its_end_fails_with_timeout_and_is_settled_once():
    ledger = Ledger(["b", "c"], rows=2)
    (b, c), (other, _) = ledger.accounts(0), ledger.accounts(1)
    for account in (b, b, b, c, other):
        account.open()
    b.settle_delivered(200, 0.0)
    ledger.settle_unanswered(0)
    b.settle_delivered(200, 0.0)  # by a thread that was still sending
    b.settle_failed("timeout")
    b.open()
    c.drop("saturated")
    ledger.settle_lost(0)
    found = ledger.statements()
    assert [(each.seen, each.delivered, each.failed_by_reason, each.dropped) for each in found] == [
        (4, 1, {"timeout": 2}, 0),
        (1, 0, {"timeout": 1}, 0),
    ]
    assert [each.in_flight for each in found] == [1, 0]


def test_an_end_between_other_threads_settles_every_clone_once():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    stop = threading.Event()

    def count():
        while not stop.is_set():
            account.open()
            account.settle_delivered(200, 0.001)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: ledger.statements()[0].seen > 1000)
        ledger.settle_unanswered(0)
        (settled,) = ledger.statements()
        assert settled.in_flight == 0
        assert settled.failed <= 4
        assert ledger.statements() == [settled]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert ledger.statements() == [settled]


def names(ledger):
    return [(each.backend, each.seen, each.state) for each in ledger.statements()]


def test_after_a_failed_reload_the_old_bs_are_listed_and_those_of_the_failed_one_only_if_they_were_offered_a_clone():
    old = Ledger(["a", "gone"])
    old.accounts(0)[0].drop("filtered")
    old.finished = True
    current = Ledger(["a", "b"], earlier=[old])
    writer = current.accounts(0)[1]
    writer.open()
    failed = Ledger(["c", "a", "d"], earlier=current.history)
    current.continue_after(failed)
    assert names(current) == [("a", 1, "up"), ("b", 1, "up"), ("gone", 0, "gone")]
    current.circuits[1][IS_OPEN] = 1
    late = failed.accounts(0)
    late[2].open()  # a new worker served before it was stopped
    late[1].open()
    assert names(current) == [("a", 2, "up"), ("b", 1, "down"), ("gone", 0, "gone"), ("d", 1, "gone")]
    failed.settle_lost(0)
    failed.finished = True
    following = Ledger(["b", "e"], earlier=current.history)
    assert names(following) == [("b", 1, "up"), ("e", 0, "up"), ("a", 2, "gone"), ("gone", 0, "gone"), ("d", 1, "gone")]
    writer.settle_delivered(200, 0.0)
    assert following.statements()[0].delivered == 1


def test_a_ledger_that_finished_before_a_failed_reload_counts_once():
    first = Ledger(["a"])
    first.accounts(0)[0].drop("filtered")
    current = Ledger(["a"], earlier=[first])
    first.finished = True
    failed = Ledger(["a"], earlier=current.history)
    current.continue_after(failed)
    again = Ledger(["a"], earlier=current.history)
    current.continue_after(again)
    assert names(current) == [("a", 1, "up")]
    assert names(Ledger(["a"], earlier=current.history)) == [("a", 1, "up")]


def test_no_count_is_lost_between_threads():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)

    def count():
        for _ in range(5000):
            account.open()
            account.settle_delivered(200, 0.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert str(ledger) == "B b seen=20000 delivered=20000 (200=20000) failed=0 dropped=0 in_flight=0"


def test_answers_errors_and_refusals_are_counted_by_what_they_are():
    ledger = Ledger(["b"], rows=2)
    ledger.worker(0).answered(200, 0.0)
    ledger.worker(1).answered(200, 0.0)
    ledger.worker(1).answered(777, 0.0)
    ledger.worker(0).error("timeout")
    ledger.worker(0).refused("loop")
    ledger.worker(0).log_dropped()
    ledger.worker(0).client_gone()
    ledger.worker(1).client_gone()
    primary = ledger.primary()
    assert (primary.answered, primary.answered_by_status) == (3, {200: 2, 0: 1})
    assert primary.errors_by_reason == {"timeout": 1}
    assert primary.refused_by_reason == {"loop": 1}
    assert primary.log_dropped == 1
    assert primary.client_gone == 2


@pytest.mark.parametrize("reason", REFUSAL_REASONS)
def test_every_refusal_has_its_own_count(reason):
    ledger = Ledger([])
    ledger.worker(0).refused(reason)
    assert ledger.primary().refused_by_reason == {reason: 1}


def test_a_refusal_without_a_name_is_counted_as_internal():
    ledger = Ledger([])
    ledger.worker(0).refused("unheard_of")
    assert ledger.primary().refused_by_reason == {"internal": 1}


def test_a_latency_falls_into_the_first_bucket_whose_bound_it_does_not_pass():
    ledger = Ledger(["b"])
    (account,) = ledger.accounts(0)
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        account.open()
        account.settle_delivered(200, seconds)
        ledger.worker(0).answered(200, seconds)
    expected = (2, 1, *(0,) * (len(BOUNDS) - 3), 1, 1)
    for latency in (ledger.statements()[0].latency, ledger.primary().latency):
        assert latency.buckets == expected
        assert latency.count == 5
        assert latency.seconds == pytest.approx(2 * BOUNDS[0] + 2 * BOUNDS[-1] + 1, abs=5e-6)


def test_no_two_columns_are_the_same_word():
    for line in (ShadowLine, WorkerLine):
        columns = []
        for name, value in vars(line).items():
            if name.isupper() and name not in ("WIDTH", "COUNTERS"):
                columns += [value] if isinstance(value, int) else getattr(value, "values", lambda it=value: it)()
        assert sorted(columns) == list(range(line.WIDTH))


@pytest.mark.parametrize(
    ("seconds", "half", "most"),
    [
        ([], 0.0, 0.0),
        ([0.3], 0.375, 0.4975),
        ([0.0002] * 100, 0.00025, 0.000495),
        ([0.003] * 98 + [4.0] * 2, 0.00377551, 3.75),
        ([20.0, 30.0], 10.0, 10.0),
        ([0.02] * 2 + [20.0] * 2, 0.025, 10.0),
    ],
)
def test_quantiles_are_as_exact_as_the_buckets(seconds, half, most):
    ledger = Ledger(["b"])
    for each in seconds:
        ledger.worker(0).answered(200, each)
    latency = ledger.primary().latency
    assert (latency.quantile(0.5), latency.quantile(0.99)) == pytest.approx((half, most))


def test_every_outcome_is_read_before_the_clones_seen():
    outcomes = [ShadowLine.OTHER_STATUS, ShadowLine.HANDED_OVER, ShadowLine.SPOOLED]
    for columns in (ShadowLine.FAILED, ShadowLine.DROPPED, ShadowLine.DELIVERED):
        outcomes += columns.values()
    assert sorted(outcomes) == list(range(ShadowLine.SEEN))


def test_a_worker_is_there_from_its_pid_to_its_end():
    ledger = Ledger(["b"], rows=2)
    assert ledger.workers() == []
    ledger.worker(1).publish(core=1, started=1700000000, connections=7, tunnels=2, in_flight=3)
    ledger.worker(1).publish(pid=42)
    assert ledger.workers() == [Worker(1, 42, 0, 1700000000, False, 7, 2, 3, 0, 0, 1.0)]
    ledger.worker(1).publish(draining=1, core=0, cut=250_000)
    assert ledger.workers() == [Worker(1, 42, None, 1700000000, True, 7, 2, 3, 0, 0, 0.75)]
    ledger.settle_lost(1)
    assert ledger.workers() == []


def test_the_upgraded_connections_of_a_killed_worker_are_lost():
    ledger = Ledger([], rows=2)
    for row in range(2):
        for _ in range(3):
            ledger.worker(row).tunnel_opened()
        ledger.worker(row).tunnel_ended("closed")
        ledger.worker(row).carried(10, 1)
    ledger.settle_lost(0)
    found = ledger.primary().tunnels
    assert (found.opened, found.open, found.ended) == (6, 2, {"closed": 2, "lost": 2})
    assert ledger.lines()[-1] == "upgraded opened=6 open=2 (closed=2 lost=2) received=20 sent=2"
    assert len(Ledger([]).lines()) == 1


def test_gauges_end_with_their_worker_and_counters_stay():
    ledger = Ledger(["b"], rows=2)
    for row in range(2):
        ledger.worker(row).publish(pid=row + 1)
        account = ledger.accounts(row)[0]
        account.publish(waiting=3)
        account.open()
        account.settle_delivered(200, 0.01)
    (statement,) = ledger.statements()
    assert statement.waiting == 6
    ledger.settle_lost(0)
    (statement,) = ledger.statements()
    assert statement.waiting == 3
    ledger.worker(1).publish(pid=0)
    (statement,) = ledger.statements()
    assert statement.waiting == 0
    assert (statement.seen, statement.latency.count) == (2, 2)


def test_a_b_is_down_while_its_circuit_is_open_and_gone_after_a_reload_without_it():
    first = Ledger(["b", "leaves"])
    assert [each.state for each in first.statements()] == ["up", "up"]
    first.circuits[0][IS_OPEN] = 1
    assert [each.state for each in first.statements()] == ["down", "up"]
    second = Ledger(["b"], earlier=first.history)
    assert [each.state for each in second.statements()] == ["up", "gone"]


def test_changes_of_the_share_are_added_up_over_workers_and_reloads():
    first = Ledger(["b"], rows=2)
    first.worker(0).share_changed(1)
    first.worker(1).share_changed(2)
    second = Ledger(["b"], earlier=first.history)
    second.worker(0).share_changed(4)
    assert second.primary().share_changes == 7


def test_a_gauge_nobody_has_heard_of_is_refused():
    with pytest.raises(KeyError):
        Ledger(["b"]).accounts(0)[0].publish(mood=1)


def test_a_follower_is_told_of_every_outcome_once():
    told = []
    follower = SimpleNamespace(settled=lambda *what: told.append(what))
    (account,) = Ledger(["b"]).accounts(0)
    account.drop("filtered", follower)
    for _ in range(3):
        account.open()
    account.settle_delivered(204, 0.5, follower)
    account.settle_failed("reset", 0.25, follower)
    account.settle_dropped("closing", follower)
    assert told == [
        ("b", "dropped", "filtered"),
        ("b", "delivered", 204, 0.5),
        ("b", "failed", "reset", 0.25),
        ("b", "dropped", "closing"),
    ]


def test_names_that_are_there_twice_are_told_apart():
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a#2", "a#3"]


def test_a_later_ledger_goes_on_where_the_earlier_ones_are():
    first = Ledger(["b", "gone"], rows=2)
    for row, account in enumerate((first.accounts(0)[0], first.accounts(1)[1])):
        account.open()
        account.settle_delivered(200, 0.5)
        first.worker(row).answered(200, 0.25)
    first.worker(0).publish(pid=7)
    second = Ledger(["b"], rows=1, earlier=first.history)
    second.worker(0).answered(204, 0.25)
    second.accounts(0)[0].drop("filtered")
    first.worker(1).answered(200, 0.25)
    assert [(each.backend, each.seen) for each in second.statements()] == [("b", 2), ("gone", 1)]
    assert second.primary().answered_by_status == {200: 3, 204: 1}
    assert [worker.pid for worker in second.workers()] == [7]
    before = (second.primary(), second.statements()[0].latency)
    first.settle_lost(0)
    first.finished = True
    third = Ledger(["b"], rows=1, earlier=second.history)
    assert (third.primary(), third.statements()[0].latency) == before
    assert third.workers() == []
    assert [(each.backend, each.seen) for each in third.statements()] == [("b", 2), ("gone", 1)]


def test_the_ledger_of_a_reload_goes_on_where_the_one_before_it_is():
    first = Ledger(["stays", "leaves"])
    for account in first.accounts(0):
        account.open()
        account.settle_delivered(200, 0.0)
    second = Ledger(["comes", "stays"], rows=2, earlier=first.history)
    second.accounts(1)[1].drop("saturated")
    first.accounts(0)[0].drop("closing")  # the old worker is still at it
    assert [str(statement) for statement in second.statements()] == [
        "B comes seen=0 delivered=0 failed=0 dropped=0 in_flight=0",
        "B stays seen=3 delivered=1 (200=1) failed=0 dropped=2 (saturated=1 closing=1) in_flight=0",
        "B leaves seen=1 delivered=1 (200=1) failed=0 dropped=0 in_flight=0",
    ]


def test_no_count_is_lost_or_counted_twice_over_many_reloads():
    ledgers = [Ledger(["b"])]
    for number in range(20):
        ledgers[-1].accounts(0)[0].drop("filtered")
        if number >= 3:
            ledgers[number - 3].finished = True
        ledgers.append(Ledger(["b"], earlier=ledgers[-1].history))
        assert ledgers[-1].statements()[0].dropped == number + 1
        assert len(ledgers[-1].history) <= 5


def test_a_ledger_is_gone_when_later_ones_have_its_counts():
    first = newest = Ledger(["b"])
    told = weakref.ref(first)
    del first
    for _ in range(3):
        before, newest = newest, Ledger(["b"], earlier=newest.history)
        before.finished = True
    del before
    gc.collect()
    assert told() is None


def test_two_bs_of_one_name_keep_lines_of_their_own_over_a_reload():
    first = Ledger(["b", "b"])
    first.accounts(0)[1].drop("filtered")
    first.finished = True
    second = Ledger(["b", "b"], earlier=first.history)
    assert [statement.seen for statement in second.statements()] == [0, 1]


def test_a_row_that_holds_something_says_so():
    ledger = Ledger(["a", "b"])
    assert not ledger.holds_any(0)
    ledger.accounts(0)[1].open()
    assert ledger.holds_any(0)
    ledger.settle_lost(0)
    assert not ledger.holds_any(0)
