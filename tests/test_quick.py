"""What is done for every request and costs less in C: the extension and its plain twins do the same."""

import inspect
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from httptee import quick

NATIVE = pytest.mark.skipif(not quick.native, reason="the extension is not built here: test_speedups builds it")
ROWS = [pytest.param(quick._row, id="plain"), pytest.param(quick.row, id="native", marks=NATIVE)]
PASSES = [pytest.param(quick._pass_clean, id="plain"), pytest.param(quick.pass_clean, id="native", marks=NATIVE)]
HEAD = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
SIMPLE = (1000, 50, 3, 4, 200, "192.0.2.1", "OK", "", [("X", "y"), ("Z", "")], HEAD, b"", b"asked", b"answer")
FIELDS, ANSWER = b"Host: a\r\n\r\n", b"OK\n\nX\ny\nZ\n"


def changed(**values):
    names = inspect.signature(quick._row).parameters
    return tuple(values.get(name, value) for name, value in zip(names, SIMPLE, strict=True))


def outcome(call, *arguments):
    """What a call returns, or the type of its error."""
    try:
        return call(*arguments)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_numbers_and_the_texts(row):
    texts = b"192.0.2.1" + ANSWER + HEAD + b"asked" + b"answer"
    numbers = quick.ROW.pack(2, 1000, 50, 3, 4, 200, 9, len(ANSWER), len(HEAD), 5, 6)
    assert row(*SIMPLE) == numbers + texts


@pytest.mark.parametrize("row", ROWS)
def test_the_tees_own_field_is_left_out_at_the_end_of_a_head(row):
    own = b"\r\nHost: a\r\n\r\n"
    cut = row(*changed(own=own))
    assert cut == row(*changed(head=b"GET /x HTTP/1.1\r\n\r\n"))
    assert row(*changed(own=b"\r\nHost: b\r\n\r\n")) == row(*changed(own=b"x" * 100)) == row(*SIMPLE)


ODD = [
    {"fields": [("X", "a\nb")]},
    {"reason": "O\nK"},
    {"error": "a\nb"},
    {"fields": [("X", "\xe9")], "client": "a\u20ac"},
    {"fields": [("X", "\u20ac")]},
    {"reason": "\xff"},
    {"fields": [("X", "y", "z")]},
    {"fields": (("X", "y"),)},
    {"fields": [["X", "y"]]},
    {"fields": [("X", str(number)) for number in range(100)]},
    {"fields": None},
    {"fields": [("X", None)]},
    {"client": "a" * 70_000},
    {"client": None},
    {"arrived": 1 << 63},
    {"arrived": -(1 << 63)},
    {"now": -1},
    {"status": "200"},
    {"place": 1.5},
    {"body": bytearray(b"a")},
    {"body": None},
    {"head": "text"},
]


@NATIVE
@pytest.mark.parametrize("values", ODD)
def test_what_is_not_simple_is_what_the_plain_twin_makes_of_it(values):
    arguments = changed(**values)
    assert outcome(quick.row, *arguments) == outcome(quick._row, *arguments)


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"fields": [("X", "a\nb")]}, ValueError),
        ({"fields": [("X", "\u20ac")]}, ValueError),
        ({"arrived": 1 << 63}, OverflowError),
        ({"client": "a" * 70_000}, OverflowError),
    ],
)
def test_what_cannot_be_a_row_is_an_error(row, values, error):
    with pytest.raises(error):
        row(*changed(**values))


TEXTS = st.text(st.characters(max_codepoint=300), max_size=8) | st.text(st.sampled_from("ab\n"), max_size=8)
NUMBERS = st.integers(-(1 << 65), 1 << 65) | st.integers(0, 1000)
ARGUMENTS = st.tuples(
    *[NUMBERS] * 5,
    *[TEXTS] * 3,
    st.lists(st.tuples(TEXTS, TEXTS), max_size=5),
    *[st.binary(max_size=20) | st.sampled_from([HEAD, b"\r\n\r\n"])] * 4,
)


@NATIVE
@given(ARGUMENTS)
@settings(max_examples=1000, deadline=None)
def test_both_make_the_same_rows(arguments):
    assert outcome(quick.row, *arguments) == outcome(quick._row, *arguments)


def passed(call, data, start=0, asked=(FIELDS,), answered=(ANSWER,)):
    found = []
    return outcome(call, data, start, set(asked), set(answered), found), found


@pytest.mark.parametrize("pass_clean", PASSES)
def test_clean_rows_are_found_up_to_the_first_one_that_is_not(pass_clean):
    clean, other = quick._row(*SIMPLE), quick._row(*changed(head=b"GET /?a HTTP/1.1\r\nHost: a\r\n\r\n"))
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
        {"fields": [("X", "other")]},
        {"reason": "Fine"},
    ],
)
def test_a_row_that_may_hold_a_secret_or_has_a_head_that_is_not_known_is_not_clean(pass_clean, values):
    assert passed(pass_clean, quick._row(*changed(**values))) == (0, [])


@pytest.mark.parametrize("pass_clean", PASSES)
def test_a_row_that_is_cut_short_or_of_another_format_is_not_clean(pass_clean):
    clean = quick._row(*SIMPLE)
    for end in range(len(clean)):
        assert passed(pass_clean, clean[:end]) == (0, [])
    assert passed(pass_clean, b"\1" + clean[1:]) == (0, [])
    for at in range(quick.ROW.size - 18, quick.ROW.size):  # each byte of the lengths
        assert passed(pass_clean, clean[:at] + b"\xff" + clean[at + 1 :])[1] in ([], [(1000, clean)])


@NATIVE
@given(st.lists(ARGUMENTS | st.just(SIMPLE), max_size=4), st.integers(-3, 300), st.integers(0, 400), st.data())
@settings(max_examples=500, deadline=None)
def test_both_find_the_same_rows_clean(rows, start, at, data):
    made = [row for each in rows if isinstance(row := outcome(quick._row, *each), bytes)]
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
    assert outcome(quick.row, *arguments) == outcome(quick._row, *arguments)
    assert outcome(quick.pass_clean, *arguments) == outcome(quick._pass_clean, *arguments)


@NATIVE
def test_no_reference_is_lost_or_kept():
    texts = [f"text {number}" for number in range(3)]
    body = bytes(range(100, 120))
    arguments = changed(client=texts[0], fields=[(texts[1], texts[2])], body=body)
    odd = changed(fields=[(texts[1], "\n")], body=body)
    asked, answered, found = {FIELDS}, {ANSWER}, []
    watched = [*texts, body, *arguments[8], asked, answered, found]
    before = [sys.getrefcount(each) for each in watched]
    for _ in range(100):
        quick.row(*arguments)
        outcome(quick.row, *odd)
        quick.pass_clean(quick._row(*SIMPLE), 0, asked, answered, found)
    assert [sys.getrefcount(each) for each in watched] == before


def test_the_environment_chooses_the_plain_twins():
    names = ("row", "pass_clean", "frames")
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
