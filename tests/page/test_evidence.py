import json

import pytest

from httptee.page.evidence import evidence_of, har_of
from httptee.verdict.display import CannotSend
from httptee.verdict.evidence.keeping import kept
from tests.verdict.evidence.made import PRICE, difference, outcome, pair, request


def shown(one=None, found=(PRICE,), keep="full"):
    return evidence_of(kept(one or pair(), found, None, keep, 1))


def test_the_request_and_both_answers_are_there_with_the_difference_marked():
    found = shown(pair(asked=request("/a?b", [("X-A", "1")])))
    assert found.request == ["GET /a?b", "Host: shop", "X-A: 1"]
    marked = [(row.a, row.b) for row in found.rows if row.sign == "|"]
    assert marked == [(('  "price": ', "1", ".5"), ('  "price": ', "2", ".5"))]
    assert found.differences == [("value", "body $.price", "1.5", "2.5")]
    assert found.curl.startswith("# GET of pair 1\n")


def test_members_in_another_order_hide_nothing():
    a, b = b'{"id":1,"price":1.5,"name":"x"}', b'{"name":"x","price":2.5,"id":1}'
    found = shown(pair(a=outcome(a), b=outcome(b)))
    assert [(row.a, row.b) for row in found.rows if row.sign] == [
        (('  "price": ', "1", ".5,"), ('  "price": ', "2", ".5,"))
    ]


def test_the_difference_that_was_asked_for_comes_first():
    others = [difference(f"$.x{number}", "value", 1, 2) for number in range(40)]
    found = evidence_of(kept(pair(), [*others, PRICE], None, "full", 1), PRICE.key)
    assert (found.differences[0], found.asked_for) == (("value", "body $.price", "1.5", "2.5"), 1)
    assert (len(found.differences), found.more_differences) == (30, 11)
    assert shown(found=others).asked_for == 0


def test_a_line_that_only_one_side_has_is_marked_whole():
    found = shown(pair(b=outcome(b'{"price":1.5,\n"more":1}')))
    (added,) = [row for row in found.rows if row.sign == ">"]
    assert (added.a, added.b[0], added.b[2]) == (None, "", "")
    assert "more" in added.b[1]


def test_a_value_that_is_missing_is_not_shown_as_null():
    found = shown(found=[difference("$.x", "extra", None, 3), difference("$.y", "missing", "1", None)])
    assert found.differences == [("extra", "body $.x", "", "3"), ("missing", "body $.y", '"1"', "")]


def test_control_characters_and_lines_of_a_megabyte_are_bounded():
    a, b = (b"\x00\x1b[2J" + b"x" * (1 << 20) + own for own in (b"1", b"2"))
    plain = [("Content-Type", "text/plain")]
    found = shown(pair(asked=request("/" + "y" * 5000), a=outcome(a, plain), b=outcome(b"z" + b, plain)))
    pieces = [piece for row in found.rows for side in (row.a, row.b) if side for piece in side]
    assert max(map(len, [*pieces, *found.request])) <= 601
    assert all(piece.isprintable() for piece in pieces)


def test_a_difference_far_to_the_right_is_in_sight():
    line = b"x" * 3000
    plain = [("Content-Type", "text/plain")]
    found = shown(pair(a=outcome(line + b"1", plain), b=outcome(line + b"2", plain)))
    (row,) = [row for row in found.rows if row.sign == "|"]
    assert (row.a[0][0], len(row.a[0]), row.a[1], row.b[1]) == ("…", 81, "1", "2")


def test_very_many_lines_are_cut():
    text = [b"\n".join(b"%d" % (number + own) for number in range(0, 3000, 2)) for own in (0, 1)]
    plain = [("Content-Type", "text/plain")]
    found = shown(pair(a=outcome(text[0], plain), b=outcome(text[1], plain)))
    assert (len(found.rows), found.is_cut) == (500, True)


def test_what_is_not_kept_cannot_be_sent():
    found = shown(keep="values")
    assert (found.rows, found.curl) == ([], "")
    assert found.unsendable == "pair 1 cannot be sent again: only the values are kept"
    assert shown(keep="paths").differences == [("value", "body $.price", "", "")]
    with pytest.raises(CannotSend):
        har_of(kept(pair(), (PRICE,), None, "values", 1))


def test_a_command_that_is_too_long_for_a_page_is_not_shown():
    long = shown(pair(asked=request(body=b"x" * 30_000, method="POST")))
    assert long.unsendable == "it is too long for a page: httptee verdict show 1 --curl"


def test_the_har_is_json():
    assert json.loads(har_of(kept(pair(), (PRICE,), None, "full", 1)))["log"]["comment"] == "pair 1"
