import shlex

import pytest

from httptee.compare import Key
from httptee.verdict.court.rules import Rule, Rules, line

TOOK = Key("body", "$.took_ms", "value")
SERVER = Key("header", "server", "value")


def covers(text, route, key):
    return Rule.parse(text).covers(route, key)


def test_a_rule_names_a_route_a_part_and_a_path():
    rule = Rule.parse("GET /users/{id} body $.took_ms # a clock")
    assert (rule.method, rule.route, rule.part, rule.path) == ("GET", "/users/{id}", "body", "$.took_ms")
    assert (rule.kind, rule.reason) == ("", "a clock")


def test_a_reason_may_follow_two_dashes():
    assert Rule.parse("body $.took_ms -- a clock").reason == "a clock"


def test_everything_but_the_part_is_optional():
    assert covers("body", "GET /a", TOOK)
    assert not covers("header", "GET /a", TOOK)
    assert covers("status", "GET /a", Key("status", "", "value"))


def test_a_variable_segment_has_any_name():
    assert covers("GET /users/{id} body $.took_ms", "GET /users/{int}", TOOK)
    assert covers("/users/{id}/items body", "GET /users/{id}/items", TOOK)
    assert not covers("GET /users/{id} body $.took_ms", "GET /users/me", TOOK)
    assert not covers("GET /users/{id} body $.took_ms", "GET /users/{int}/items", TOOK)


def test_a_star_is_any_segment_and_two_are_the_rest():
    assert covers("/users/* body", "GET /users/me", TOOK)
    assert not covers("/users/* body", "GET /users/me/items", TOOK)
    assert covers("/users/** body", "GET /users/me/items", TOOK)
    assert covers("/** body", "GET /", TOOK)


def test_the_method_must_be_the_same_where_it_is_given():
    assert covers("/a body", "POST /a", TOOK)
    assert not covers("GET /a body", "POST /a", TOOK)


def test_a_path_covers_what_lies_below_it():
    assert covers("body $.debug", "GET /a", Key("body", "$.debug.took", "value"))
    assert covers("body $.debug", "GET /a", Key("body", "$.debug[].took", "value"))
    assert not covers("body $.debug", "GET /a", Key("body", "$.debugger", "value"))


def test_names_of_fields_have_any_case():
    assert covers("header Server", "GET /a", SERVER)
    assert not covers("body $.Took_ms", "GET /a", TOOK)


def test_a_kind_narrows_a_rule():
    assert covers("body $.took_ms missing", "GET /a", Key("body", "$.took_ms", "missing"))
    assert not covers("body $.took_ms missing", "GET /a", TOOK)


def test_a_path_may_have_spaces():
    assert covers("body $.took long missing", "GET /a", Key("body", "$.took long", "missing"))


@pytest.mark.parametrize("text", ["", "GET", "GET body", "GET /a", "/a cookie x", "status $.a", "# why", "get /a body"])
def test_what_is_no_rule_is_refused_with_the_form(text):
    with pytest.raises(ValueError, match="must be"):
        Rule.parse(text)


def test_rules_are_read_as_they_stand_in_a_line():
    rules = Rules.parse(["ignore=GET /a body $.x", "accept=header Server", "route=/users/{id}", "route=/o/{ref}"])
    assert rules.templates == ("/users/{id}", "/o/{ref}")
    assert rules.about("GET /a", Key("body", "$.x", "value")) == ("ignored", rules.ignored[0])
    assert rules.about("GET /b", SERVER) == ("accepted", rules.accepted[0])
    assert rules.about("GET /b", TOOK) is None


@pytest.mark.parametrize("text", ["skip=body", "ignore", "route=users", "route=/a b", "ignore=", "accept=cookie"])
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="must be"):
        Rules.parse([text])


@pytest.mark.parametrize(
    "key",
    [TOOK, SERVER, Key("status", "", "value"), Key("body", "", "undecodable"), Key("body", "$.it's", "missing"),
     Key("body", "$.a value", "type")],
)  # fmt: skip
def test_the_line_to_paste_covers_the_difference(key):
    for route in ("GET /users/{int}", ""):
        name, value = shlex.split(line("ignore", route, key))[0].split("=", 1)
        rules = Rules.parse([f"{name}={value}"])
        assert rules.about("GET /users/{int}", key) == ("ignored", rules.ignored[0])


def test_the_line_is_short():
    assert line("ignore", "GET /a", TOOK) == "ignore='GET /a body $.took_ms'"
    assert line("accept", "", SERVER) == "accept='header server'"
