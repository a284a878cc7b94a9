from httptee.verdict.court import Rule, Rules
from httptee.verdict.display.rules import rules_text


def test_each_rule_is_a_line():
    rules = Rules(
        ignored=(Rule.parse("GET /users/{id} body $.took_ms # a clock"), Rule.parse("/x status")),
        accepted=(Rule.parse("header Server"),),
        templates=("/users/{id}",),
    )
    assert rules_text(rules) == (
        "  ignore  GET /users/{id}  body $.took_ms  # a clock\n"
        "  ignore  /x               status\n"
        "  accept  every route      header server\n"
        "  route   /users/{id}\n"
    )


def test_without_rules_that_is_said():
    assert rules_text(Rules()) == "  no rules: every difference counts\n"
