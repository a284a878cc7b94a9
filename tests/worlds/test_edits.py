"""Changes of an answer."""

from random import Random

import pytest

from httptee.http import Request
from tests.worlds.edits import at, cut_coded, cut_some, header, whole_answer, without, without_header
from tests.worlds.service import Draft, Moment


def moment(accepts="gzip"):
    request = Request("GET", "/", [("Accept-Encoding", accepts)], b"", "", "http")
    return Moment("b", 0.0, request, [], Random(1), {}, lambda name, make: make(Random(1)), lambda: 1)


def edited(edit, content, status=200, headers=()):
    draft = Draft(status, content, headers=list(headers))
    edit(draft, moment())
    return draft


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a", {"a": 1}, {"a": 2}),
        ("a.b", {"a": {"b": 1}}, {"a": {"b": 2}}),
        ("a[].b", {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 2}, {"b": 3}]}),
        ("[].b", [{"b": 1}], [{"b": 2}]),
    ],
)
def test_a_value_is_changed_at_its_path(path, before, after):
    assert edited(at(path, lambda value, moment: value + 1), before).content == after


def test_a_value_that_is_not_there_is_added():
    assert edited(at("new", lambda value, moment: value), {}).content == {"new": None}


def test_a_share_of_the_answers_is_changed():
    edit, here, changed = at("a", lambda value, moment: 1, 0.2), moment(), 0
    for _ in range(1000):
        draft = Draft(200, {"a": 0})
        edit(draft, here)
        changed += draft.content["a"]
    assert 150 < changed < 250


def test_an_error_is_not_changed():
    assert edited(at("a", lambda value, moment: 2), {"a": 1}, 404).content == {"a": 1}
    assert edited(without("a"), {"a": 1}, 404).content == {"a": 1}


def test_a_value_is_removed():
    assert edited(without("a.b"), {"a": {"b": 1, "c": 2}}).content == {"a": {"c": 2}}


def test_a_header_field_is_set_and_removed():
    assert edited(header("ETag", lambda moment: "new"), {}, headers=[("ETag", "old")]).headers == [("ETag", "new")]
    assert edited(without_header("ETag"), {}, headers=[("ETag", "old"), ("Age", "1")]).headers == [("Age", "1")]


def test_a_whole_answer_is_replaced():
    draft = edited(whole_answer(302, None, 1.0, ("Location", "/")), {"a": 1})
    assert draft == Draft(302, None, "json", [("Location", "/")])


def test_only_a_coded_body_is_cut():
    assert cut_coded(b"0123456789", moment()) == b"012345"
    assert cut_coded(b"0123456789", moment("")) == b"0123456789"


def test_one_body_in_ten_is_cut():
    here = moment()
    cut = sum(cut_some(b"0123456789", here) == b"01234567" for _ in range(1000))
    assert 60 < cut < 140
