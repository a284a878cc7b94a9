import os

from httptee.ledger import Ledger, Ring
from httptee.ledger.recording import LOSSES, RECORD_REASONS

MOST = 1000


def test_every_request_is_recorded_or_not_for_a_reason_or_waits():
    ledger = Ledger([])
    account = ledger.recording.account(0)
    for _ in range(5):
        account.seen()
        assert account.take(10, MOST)
    account.refused("sampled_out")
    account.recorded(2, 77)
    account.lost("disk_full", 2)
    statement = ledger.recorded()
    assert (statement.seen, statement.recorded, statement.waiting) == (6, 2, 1)
    assert statement.not_recorded_by_reason == {"sampled_out": 1, "disk_full": 2}
    assert (account.sequence, account.last) == (2, 77)
    assert str(statement) == ("recording seen=6 recorded=2 not_recorded=3 (sampled_out=1 disk_full=2) waiting=1")


def test_a_request_without_room_takes_none():
    account = Ledger([]).recording.account(0)
    assert account.take(600, MOST)
    assert not account.take(600, MOST)
    assert account.held == 600
    account.free(600)
    assert account.take(600, MOST)


def test_what_a_killed_process_held_is_lost_and_what_it_stored_is_recorded():
    ledger = Ledger([], rows=2)
    ledger.recording.written = lambda row: 4
    account = ledger.recording.account(1)
    for _ in range(9):
        account.seen()
        account.take(1, MOST)
    account.recorded(3, 0)  # killed between the write and the count of number 4
    account.publish(0)
    ledger.settle_lost(1)
    statement = ledger.recorded()
    assert (statement.seen, statement.recorded, statement.waiting, statement.held) == (9, 4, 0, 0)
    assert statement.not_recorded_by_reason == {"lost": 5}


def test_what_was_handed_on_to_another_process_is_settled_by_that_one():
    ledger = Ledger([], rows=2)
    recording = ledger.recording
    recording.rings = [Ring(1000), Ring(1000)]
    recording.written = lambda row: 2
    for _ in range(9):
        recording.account(1).seen()
    recording.account(1).lost("queue_full", 1)
    recording.rings[1].put(1, 5, b"five")
    ledger.settle_lost(1)
    ledger.settle_lost(1)
    assert ledger.recorded().not_recorded_by_reason == {"queue_full": 1, "lost": 3}
    recording.account(recording.writer).lost("disk_full", 1)
    assert recording.account(recording.writer).settled == 1
    recording.settle_writer()
    statement = ledger.recorded()
    assert (statement.recorded, statement.waiting) == (2, 0)
    assert statement.not_recorded_by_reason == {"queue_full": 1, "disk_full": 1, "lost": 5}


def test_a_row_that_saw_nothing_looks_at_no_file():
    ledger = Ledger([])
    ledger.recording.written = lambda row: 1 / 0
    ledger.settle_lost(0)
    assert ledger.lines() == [str(ledger.primary())]


def test_losses_are_told_once_and_by_a_successor_if_need_be():
    ledger = Ledger([])
    account = ledger.recording.account(0)
    account.seen()
    account.lost("disk_failed", 3)
    account.refused("filtered")  # the operator's choice is no loss
    assert account.untold() == {"disk_failed": 3}
    account.told("disk_failed", 2)
    successor = ledger.recording.account(0)
    assert successor.untold() == {"disk_failed": 1}
    successor.told("disk_failed", 1)
    assert successor.untold() == {}


def test_what_a_writer_has_left_is_named_by_the_next_one_once_it_has_ended():
    def untold(ledger):
        return [found for account in ledger.recording.to_name() if (found := account.untold())]

    first = Ledger([], rows=2)
    first.recording.rings = [Ring(1000), Ring(1000)]
    first.recording.account(0).seen()
    first.recording.rings[0].put(1, 1, b"one")
    second = Ledger([], 2, first.history)
    second.recording.earlier = [first.recording]
    second.recording.account(1).lost("queue_full", 7)
    first.recording.account(1).lost("disk_full", 2)  # its own writer names it
    assert untold(second) == [{"queue_full": 7}]
    first.recording.account(1).told("disk_full", 2)
    first.recording.settle_writer()
    assert untold(second) == [{"queue_full": 7}, {"lost": 1}]
    for account in second.recording.to_name():
        for reason, count in account.untold().items():
            account.told(reason, count)
    assert untold(second) == []
    first.finished = True
    third = Ledger([], 2, second.history)
    assert first.recording.earlier == ()
    assert untold(third) == []


def test_counts_go_on_over_reloads_and_never_decrease():
    first = Ledger([])
    first.recording.account(0).seen()
    first.recording.account(0).recorded(1, 0)
    second = Ledger([], 1, first.history)
    second.recording.account(0).seen()
    assert second.recorded().seen == 2
    first.settle_lost(0)
    first.finished = True
    third = Ledger([], 1, second.history)
    assert (third.recorded().seen, third.recorded().recorded, third.recorded().waiting) == (2, 1, 1)
    second.settle_lost(0)
    second.finished = True
    fourth = Ledger([], 1, third.history)
    assert (fourth.recorded().seen, fourth.recorded().not_recorded_by_reason) == (2, {"lost": 1})


def test_another_process_reads_the_counts():
    ledger = Ledger([])
    if not (child := os.fork()):
        ledger.recording.account(0).refused("filtered")
        os._exit(0)
    os.waitpid(child, 0)
    assert ledger.recorded().not_recorded_by_reason == {"filtered": 1}


def test_files_that_were_removed_and_bytes_that_are_held_are_published():
    ledger = Ledger([])
    account = ledger.recording.account(0)
    account.seen()
    account.take(40, MOST)
    account.publish(2)
    account.publish(1)
    assert (ledger.recorded().removed, ledger.recorded().held) == (3, 40)


def test_losses_are_all_reasons_but_the_choices_and_what_did_not_go_to_a():
    assert set(RECORD_REASONS) - set(LOSSES) == {"sampled_out", "filtered", "unanswered"}
