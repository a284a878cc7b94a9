import os

from httptee.ledger.boards import Board, Shipped


def test_what_one_process_publishes_another_reads():
    board = Board()
    assert not board.written
    assert board.read() == Shipped()
    shipped = Shipped(1, 2, 3, 4, 5, ((None, 6, 7, "lost"), (2, 8, 9, "removed")), "down", (10, 11))
    child = os.fork()
    if not child:
        board.publish(shipped)
        os._exit(0)
    os.waitpid(child, 0)
    assert board.read() == shipped
    board.publish(Shipped())
    assert board.read() == Shipped()


def test_a_document_that_is_too_long_loses_its_oldest_gaps():
    board = Board()
    gaps = tuple((number, 10**18, 10**18, "removed") for number in range(1000))
    board.publish(Shipped(shipped=7, gaps=gaps, error="x" * 100_000))
    found = board.read()
    assert found.shipped == 7
    assert 100 < len(found.gaps) < 1000
    assert found.gaps[-1] == gaps[-1]


def test_while_a_document_is_torn_the_one_before_is_read():
    board = Board()
    for number in (6, 7):
        board.publish(Shipped(shipped=number))
    board._memory[20] ^= 1
    assert board.read().shipped == 6
    assert repr(board) == "<Board [1 documents]>"
    board.publish(Shipped(shipped=8))
    assert board.read().shipped == 8


def test_the_counts_are_a_line():
    assert str(Shipped(shipped=3, waiting=2, lost=1)) == "shipped=3 outbox=2 lost=1"
    assert str(Shipped(left=9, shipped=3)) == "left=9 shipped=3 outbox=0 lost=0"
