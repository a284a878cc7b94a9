"""What is done for every request and costs less in C: the extension and its plain twins do the same."""

import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee import quick

NATIVE = pytest.mark.skipif(not quick.native, reason="the extension is not built here: test_speedups builds it")
ROWS = [pytest.param(quick._rows, id="plain"), pytest.param(quick.rows, id="native", marks=NATIVE)]
ADDS = [pytest.param(quick._add_one, id="plain"), pytest.param(quick.add_one, id="native", marks=NATIVE)]
PASSES = [pytest.param(quick._pass_clean, id="plain"), pytest.param(quick.pass_clean, id="native", marks=NATIVE)]
HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
FIELDS, ANSWER = b"Host: a\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n"
SIMPLE = (1000, 50, (3, 4), 200, "192.0.2.1", ANSWER, HEAD, b"asked", b"answer")
NAMES = ("arrived", "now", "place", "status", "client", "answer", "head", "asked", "body")


def changed(**values):
    return tuple(values.get(name, value) for name, value in zip(NAMES, SIMPLE, strict=True))


def row(**values):
    return quick._rows([changed(**values)], 0, b"")


def outcome(call, *arguments):
    """What a call returns, or the type of its error."""
    try:
        return call(*arguments)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("rows", ROWS)
def test_a_row_is_numbers_and_the_texts(rows):
    texts = b"192.0.2.1" + ANSWER + HEAD + b"asked" + b"answer"
    numbers = quick.ROW.pack(3, 1000, 50, 13, 4, 200, 9, len(ANSWER), len(HEAD), 5, 6)
    assert rows([SIMPLE], 10, b"") == numbers + texts


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("number", [0, 1, 3, 64, 65, 200])
def test_rows_stand_one_behind_the_other_with_those_that_are_made(rows, number):
    one = row()
    assert rows([SIMPLE, one] * number, 0, b"") == 2 * number * one


@pytest.mark.parametrize("rows", ROWS)
def test_the_tees_own_field_is_left_out_at_the_end_of_a_head(rows):
    cut = rows([SIMPLE, SIMPLE], 0, b"\r\nHost: a\r\n\r\n")
    assert cut == 2 * row(head=b"GET /x HTTP/1.1\r\n\r\n")
    for own in (b"\r\nHost: b\r\n\r\n", b"x" * 100):
        assert rows([SIMPLE], 0, own) == row()


ODD = [
    {"client": "a\u20ac"},
    {"client": "\xe9"},
    {"client": "a" * 70_000},
    {"client": None},
    {"arrived": 1 << 63},
    {"arrived": -(1 << 63)},
    {"now": -1},
    {"status": "200"},
    {"status": True},
    {"place": 1.5},
    {"place": (1, 2, 3)},
    {"place": [1, 2]},
    {"place": (1.5, 2)},
    {"place": ((1 << 63) - 1, 1)},
    {"place": (-1, 1)},
    {"place": (-100, 1)},
    {"body": bytearray(b"a")},
    {"body": None},
    {"answer": "text"},
    {"head": "text"},
]


@NATIVE
@pytest.mark.parametrize("values", ODD)
def test_what_is_not_simple_is_what_the_plain_twin_makes_of_it(values):
    for items in ([changed(**values)], [SIMPLE, changed(**values), SIMPLE]):
        assert outcome(quick.rows, items, 10, b"") == outcome(quick._rows, items, 10, b"")


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("values", [{"arrived": 1 << 63}, {"client": "a" * 70_000}, {"place": ((1 << 63) - 1, 1)}])
def test_what_cannot_be_a_row_is_an_error(rows, values):
    with pytest.raises(OverflowError):
        rows([SIMPLE, changed(**values)], 1, b"")


@pytest.mark.parametrize("add_one", ADDS)
def test_one_is_added_to_a_number(add_one):
    cells = memoryview(bytearray(32)).cast("Q")
    cells[1] = (1 << 63) - 2
    for _ in range(3):
        assert add_one(cells, 1) is None
        add_one(cells, 2)
    assert cells.tolist() == [0, (1 << 63) + 1, 3, 0]


class Cells(dict):
    """Numbers of which one may change between the reading and the writing."""

    def __getitem__(self, at):
        found = self.get(at, 0)
        time.sleep(0)
        return found


@pytest.mark.parametrize("add_one", ADDS)
def test_no_addition_of_another_thread_is_lost(add_one):
    cells = Cells() if add_one is quick._add_one else memoryview(bytearray(8)).cast("Q")
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=lambda: [add_one(cells, 0) for _ in range(5000)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert cells[0] == 20_000


@NATIVE
@pytest.mark.parametrize("arguments", [(), (b"", 0), ([], 0), (memoryview(bytearray(8)).cast("Q"), 1), (None, None)])
def test_what_is_no_number_of_cells_is_the_plain_twins_error(arguments):
    assert issubclass(outcome(quick._add_one, *arguments), Exception)
    assert outcome(quick.add_one, *arguments) == outcome(quick._add_one, *arguments)


NUMBERS = st.integers(-(1 << 65), 1 << 65) | st.integers(0, 1000)
ITEMS = st.tuples(
    NUMBERS, NUMBERS, st.tuples(NUMBERS, NUMBERS), NUMBERS, st.text(st.characters(max_codepoint=300), max_size=8),
    *[st.binary(max_size=20) | st.sampled_from([HEAD, ANSWER, b"\r\n\r\n"])] * 4,
)  # fmt: skip
OWN = st.sampled_from([b"", b"\r\n\r\n", b"\r\nHost: a\r\n\r\n"])


@NATIVE
@given(st.lists(ITEMS | st.just(SIMPLE) | st.binary(max_size=9), max_size=4), NUMBERS, OWN)
@settings(max_examples=1000, deadline=None)
def test_both_make_the_same_rows(items, base, own):
    assert outcome(quick.rows, items, base, own) == outcome(quick._rows, items, base, own)


def passed(call, data, start=0, asked=(FIELDS,), answered=(ANSWER,)):
    found = []
    return outcome(call, data, start, set(asked), set(answered), found), found


@pytest.mark.parametrize("pass_clean", PASSES)
def test_clean_rows_are_found_up_to_the_first_one_that_is_not(pass_clean):
    clean, other = row(), row(head=b"GET /?a HTTP/1.1\r\nHost: a\r\n\r\n")
    size = len(clean)
    assert passed(pass_clean, clean * 2 + other + clean) == (2 * size, [(1000, clean)] * 2)
    assert passed(pass_clean, other + clean, len(other)) == (len(other) + size, [(1000, clean)])
    assert passed(pass_clean, other) == (0, [])
    assert passed(pass_clean, b"") == (0, [])


@pytest.mark.parametrize("pass_clean", PASSES)
@pytest.mark.parametrize(
    "values",
    [
        *({"head": b"GET /%c HTTP/1.1\r\nHost: a\r\n\r\n" % byte} for byte in b"?#;@"),
        *({name: b"%cx" % byte} for name in ("asked", "body") for byte in quick.OPENS),
        {"head": b"GET / HTTP/1.1\r\nHost: b\r\n\r\n"},
        {"head": b"GET / HTTP/1.1"},
        {"answer": b"HTTP/1.1 200 OK\r\nX: other\r\n\r\n"},
    ],
)
def test_a_row_that_may_hold_a_secret_or_has_a_head_that_is_not_known_is_not_clean(pass_clean, values):
    assert passed(pass_clean, row(**values)) == (0, [])


@pytest.mark.parametrize("pass_clean", PASSES)
def test_a_row_that_is_cut_short_or_of_another_format_is_not_clean(pass_clean):
    clean = row()
    for end in range(len(clean)):
        assert passed(pass_clean, clean[:end]) == (0, [])
    assert passed(pass_clean, b"\1" + clean[1:]) == (0, [])
    for at in range(quick.ROW.size - 18, quick.ROW.size):  # each byte of the lengths
        assert passed(pass_clean, clean[:at] + b"\xff" + clean[at + 1 :])[1] in ([], [(1000, clean)])


@NATIVE
@given(st.lists(ITEMS | st.just(SIMPLE), max_size=4), st.integers(-3, 300), st.integers(0, 400), st.data())
@settings(max_examples=500, deadline=None)
def test_both_find_the_same_rows_clean(rows, start, at, data):
    made = [one for each in rows if isinstance(one := outcome(quick._rows, [each], 0, b""), bytes)]
    whole = bytearray(b"".join(made))
    if at < len(whole):
        whole[at] = data.draw(st.integers(0, 255))
    for begin in {start, 0}:
        results = [passed(call, bytes(whole), begin) for call in (quick.pass_clean, quick._pass_clean)]
        assert results[0] == results[1]


@NATIVE
@pytest.mark.parametrize(
    "arguments", [(), (b"", 0, set(), set()), ("", 0, set(), set(), []), (b"x" * 60, 0, None, set(), [])]
)
def test_wrong_arguments_are_the_plain_twins_errors(arguments):
    assert outcome(quick.rows, *arguments) == outcome(quick._rows, *arguments)
    assert outcome(quick.pass_clean, *arguments) == outcome(quick._pass_clean, *arguments)


@NATIVE
def test_no_reference_is_lost_or_kept():
    client, body, place = "a text", bytes(range(100, 120)), (1 << 40, 1 << 41)
    items, odd = [changed(client=client, body=body, place=place)], [changed(client=client, body=None)]
    asked, answered, found = {FIELDS}, {ANSWER}, []
    cells, cell = memoryview(bytearray(8)).cast("Q"), 0
    watched = [client, body, place, *place, items, odd, asked, answered, found, cells]
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(100):
        quick.rows(items, 0, b"")
        outcome(quick.rows, odd, 0, b"")
        quick.pass_clean(row(), 0, asked, answered, found)
        quick.add_one(cells, cell)
        outcome(quick.add_one, cells, 1)
    assert [sys.getrefcount(each) for each in watched] == before


def test_the_environment_chooses_the_plain_twins():
    names = ("add_one", "rows", "pass_clean", "frames", "send_now", "receive_now")
    code = f"from httptee import quick as q; print(q.native, *(getattr(q, n) is getattr(q, '_' + n) for n in {names}))"
    env = os.environ | {"HTTPTEE_PURE": "1"}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", *["True"] * len(names)]
    assert {getattr(quick, name) is not getattr(quick, f"_{name}") for name in names} == {quick.native}


def test_an_extension_that_was_built_of_another_version_is_not_used():
    code = (
        "import sys, types; sys.modules['httptee._speedups'] = types.ModuleType('_speedups');"
        "from httptee import quick; print(quick.native)"
    )
    env = os.environ | {"HTTPTEE_PURE": ""}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
