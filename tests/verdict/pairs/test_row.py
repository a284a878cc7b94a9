"""The shared memory of one worker process: names, counts, and merges that readers never see half done."""

from httptee.verdict.pairs.row import LONGEST_NAME, WIDTH, Row


def row_with(*names):
    row = Row(1)
    for slot, name in enumerate(names):
        row.set_name(slot, name)
        row.requests[slot] = 1
        row.cells[0][slot * WIDTH + 1] = 10 + slot
    return row


def test_the_lines_of_a_row_are_its_counts_by_name():
    lines = row_with("GET /a", "GET /b").lines(0)
    assert {name: line[:3] for name, line in lines.items()} == {"GET /a": [1, 10, 0], "GET /b": [1, 11, 0]}


def test_a_merge_moves_all_counts_and_frees_the_place():
    row = row_with("GET /a", "GET /b")
    row.merge(0, 1)
    assert row.names() == {1: "GET /b"}
    assert row.lines(0)["GET /b"][:3] == [2, 21, 0]
    row.set_name(0, "GET /c")
    assert not any(row.lines(0)["GET /c"])


def test_a_name_that_is_too_long_is_cut():
    assert row_with("x" * 2000).names() == {0: "x" * LONGEST_NAME}


def test_the_end_of_a_merge_that_nobody_ended_lets_readers_read():
    row = row_with("GET /a")
    row._version[0] = 3
    row.settle()
    assert row._version[0] == 4
