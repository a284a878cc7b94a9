import re

import pytest

from httptee.compare import Outcome
from httptee.verdict.court import Again
from httptee.verdict.display.side import side_by_side
from httptee.verdict.display.style import Style, columns
from httptee.verdict.evidence.keeping import kept
from tests.verdict.evidence.made import JSON, PRICE, as_body, difference, outcome, pair, request

PLAIN = Style(False, 100)


def shown(one=None, found=(PRICE,), again=None, keep="full", style=PLAIN):
    return side_by_side(kept(one or pair(), found, again, keep, 1), style)


def row(text, part):
    """The words of the first line below the request that contains `part`."""
    lines = text[text.index("\nA ") :].splitlines()
    return " ".join(next(line for line in lines if part in line).split())


def test_the_pair_is_named_first():
    first, second = shown(pair(17, backend="canary")).splitlines()[:2]
    assert first == "pair 17  B canary  GET /x"
    assert second.endswith("chapter 1, A 1 ms, B 2 ms")


def test_the_request_is_shown():
    text = shown(pair(asked=request("/a?b", [("X-A", "1")], b'{"x":1}', "PUT")))
    assert "\nPUT /a?b\nHost: shop\nX-A: 1\n\n{\n" in text
    assert '  "x": 1\n' in text


def test_each_difference_is_listed_with_its_place_and_values():
    found = [PRICE, difference("$.new", "extra", None, 3), difference("$.old", "missing", "x", None)]
    text = shown(found=found)
    assert "value body $.price  A 1.5  B 2.5\n" in text
    assert "extra body $.new  A -  B 3\n" in text
    assert 'missing body $.old  A "x"  B -\n' in text


def test_very_many_differences_are_counted():
    assert "and 170 more differences" in shown(found=[difference(f"$.k{number}") for number in range(500)])


def test_lines_that_differ_face_each_other_with_a_sign():
    text = shown()
    assert row(text, "200") == "200 200"
    assert row(text, "price") == '"price": 1.5 | "price": 2.5'


def test_a_line_that_one_side_lacks_has_a_sign_too():
    text = shown(pair(a=outcome(as_body({"x": 1, "y": 2})), b=outcome(as_body({"x": 1}))))
    assert row(text, '"y"') == '"y": 2 <'
    text = shown(pair(a=outcome(headers=JSON), b=outcome(headers=[*JSON, ("Server", "b")])))
    assert row(text, "Server") == "> Server: b"


def test_header_fields_are_aligned_by_name_whatever_their_order():
    text = shown(pair(a=outcome(headers=[("B", "1"), ("A", "2")]), b=outcome(headers=[("A", "2"), ("B", "1")])))
    assert row(text, "A: 2") == "A: 2 A: 2"
    assert row(text, "B: 1") == "B: 1 B: 1"


def test_a_long_answer_is_shown_around_its_differences():
    items = [{"id": number} for number in range(500)]
    other = [*items[:400], {"id": "new"}, *items[401:]]
    text = shown(pair(a=outcome(as_body(items)), b=outcome(as_body(other))))
    assert row(text, "new") == '"id": 400 | "id": "new"'
    assert "…" in text
    assert len(text.splitlines()) < 40


def test_a_difference_at_the_end_of_a_long_line_is_in_sight():
    text = shown(pair(a=outcome(b"x" * 500 + b"A end"), b=outcome(b"x" * 500 + b"B end")))
    line = next(line for line in text.splitlines() if "|" in line)
    assert "A end" in line
    assert "B end" in line
    assert columns(line) <= 100


def test_a_terminal_shows_the_differing_part_in_reverse():
    text = shown(style=Style(True, 100))
    assert re.search(r"\x1b\[31m  \"price\": \x1b\[0m\x1b\[31;7m1\x1b\[0m\x1b\[31m\.5", text)
    assert "\x1b[32;7m2\x1b[0m" in text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Outcome(0, [], None, failure="timeout"), "no answer: timeout"),
        (Outcome(200, [], None, 1_000_000, b"digest"), "a body of 1,000,000 bytes, too long to be kept"),
        (outcome(b"\x00\xff" * 10, []), "000000 00 ff 00 ff"),
        (outcome(b"", [], 204), "204"),
    ],
)
def test_other_answers_are_told(answer, said):
    assert said in row(shown(pair(a=answer)), said[:6])


def test_what_was_asked_again_is_told():
    again = Again(outcome(), outcome(), 1002.0)
    assert "asked again after 2.00 s: A answered as A before, B answered unlike B before, as A now" in shown(
        again=again
    )
    again = Again(outcome(b"1"), outcome(b'{"price":2.5}'), 1090.0)
    assert "asked again after 90.00 s: A answered unlike A before, B answered as B before\n" in shown(again=again)


@pytest.mark.parametrize("keep", ["paths", "values"])
def test_less_is_shown_where_less_is_kept(keep):
    text = shown(keep=keep)
    assert f"Only the {keep} are kept" in text
    assert ("A 1.5  B 2.5" in text) is (keep == "values")
    assert "Host" not in text


def test_a_long_request_body_is_cut():
    text = shown(pair(asked=request(body=b"line\n" * 500)))
    assert "and 460 more lines" in text


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 5000, b"\n" * 100_000, b"\x1b[2J" * 1000, b"}\n" * 50_000])
def test_a_hostile_answer_is_shown_and_steers_nothing(body):
    text = shown(pair(a=outcome(body), b=outcome(body[1:] + b"x")))
    assert "\x1b" not in text
    assert all(columns(line) <= 160 for line in text.splitlines())


@pytest.mark.parametrize("width", [40, 80, 220])
def test_both_sides_fit_the_terminal(width):
    text = shown(pair(a=outcome(b"x" * 300), b=outcome(b"y" * 300)), style=Style(False, width))
    table = text[text.index("\nA ") + 1 :]
    assert max(columns(line) for line in table.splitlines()) <= width
