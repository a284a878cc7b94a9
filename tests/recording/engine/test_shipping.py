from functools import partial

from httptee.journal import JournalWriter, Limits
from httptee.journal.shipping import Shipper
from httptee.ledger import Ledger
from httptee.ledger.boards import Board
from httptee.recording.engine import OUTBOX_SUFFIX, ShippedRegister
from tests.support.engine import MemoryEngine
from tests.support.net import eventually


def register(engine, directory, board, stream="s"):
    journal = JournalWriter(directory, stream, OUTBOX_SUFFIX, b"", Limits(min_free=0.0))
    shipper = partial(Shipper, engine, directory, OUTBOX_SUFFIX, "tee", lambda record: 0, own=stream)
    account = Ledger([], 1).recording.account(0)
    return ShippedRegister(journal, account, None, lambda show: shipper(on_look=show), board, 10.0)


def test_what_is_written_is_shipped_and_counted_on_the_board(tmp_path):
    engine, board = MemoryEngine(), Board()
    made = register(engine, tmp_path, board)
    made.append([(1, b"one"), (2, b"two")])
    made.close()
    found = [message.payload for batch in engine.appended for message in batch]
    assert found == [b"Rone", b"Rtwo"]
    shipped = board.read()
    assert (shipped.left, shipped.shipped, shipped.waiting, shipped.lost) == (0, 2, 0, 0)


def test_what_an_earlier_run_has_left_is_told_apart_and_the_counts_begin_anew(tmp_path):
    engine, board = MemoryEngine(), Board()
    engine.unavailable = "nobody answers"
    first = register(engine, tmp_path, board, "first")
    first.append([(1, b"one"), (2, b"two")])
    first.close()
    assert board.read().waiting == 2
    engine.unavailable, later = "", Board()
    second = register(engine, tmp_path, later, "second")
    second.start()
    eventually(lambda: later.read().shipped == 2)
    second.append([(3, b"three")])
    second.close()
    shipped = later.read()
    assert (shipped.left, shipped.shipped, shipped.waiting, shipped.lost) == (2, 3, 0, 0)


def test_a_process_that_takes_over_goes_on_with_the_counts_of_the_run(tmp_path):
    engine, board = MemoryEngine(), Board()
    for number in range(3):
        made = register(engine, tmp_path, board, f"s{number}")
        made.append([(number, b"record")])
        made.close()
        assert board.read().shipped == number + 1
