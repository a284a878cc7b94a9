import pytest

from httptee.verdict.evidence.publishing import published, without_examples
from httptee.verdict.evidence.samples import Seen
from tests.verdict.evidence.made import finding, report, route


def one(made, seen=None, keep="full", numbers=(3, 4), kind="value"):
    """The finding as it is published."""
    asked = []

    def example(place):
        asked.append(place)
        return (seen, numbers) if seen and place[3].kind == kind else None

    found = published([report(routes=[route(findings=[made])])], example, {"b": 2}, keep)
    assert {place[:3] for place in asked} == {("b", 2, "GET /x")}
    return found[0]["routes"][0]["findings"][0]


def test_the_kept_pairs_are_the_examples():
    assert one(finding(examples=(99,)), Seen(1))["examples"] == (3, 4)
    assert one(finding(examples=(99,)))["examples"] == ()


def test_values_without_credentials_stay():
    found = one(finding(a="1.5", b='"coat"'))
    assert (found["a"], found["b"], found["reason"]) == ("1.5", '"coat"', "B alone differed in 16 of 16")


@pytest.mark.parametrize(
    ("made", "a", "b"),
    [
        (finding(path="$.user.token", a="one", b="two"), "***1", "***2"),
        (finding(path="$.user.token", a="one", b="one"), "***1", "***1"),
        (finding(part="header", path="set-cookie", a="sid=a; Path=/", b="sid=b"), "sid=***1; Path=/", "sid=***2"),
        (finding(path="$.url", a="/x?token=abc", b="é"), "/x?token=***1", "é"),
    ],
)
def test_credentials_are_replaced_though_no_pair_is_kept(made, a, b):
    found = one(made)
    assert (found["a"], found["b"]) == (a, b)


def test_a_credential_that_only_the_pair_shows_is_taken_from_there():
    found = one(
        finding(path="$.echo", a="s3cr3t", b="x", reason="A says s3cr3t"), Seen(1, a='"***1"', b='"x"', masked=True)
    )
    assert (found["a"], found["b"], found["reason"]) == ('"***1"', '"x"', 'A says "***1"')


def test_with_paths_no_value_is_published():
    found = one(finding(a="tim", b="tom", reason="always tim against tom"), Seen(1), keep="paths")
    assert (found["a"], found["b"]) == ("", "")
    assert "tim" not in str(found)
    assert "tom" not in str(found)


def test_the_example_is_that_of_a_kept_pair():
    seen = Seen(1, a="1", b='"x"')
    assert (one(finding(), seen)["a"], one(finding(), seen)["b"]) == ("1", '"x"')


def test_a_constant_shows_its_own_values_unless_they_are_credentials():
    seen = Seen(1, a="1", b="2")
    assert one(finding("constant", a="7", b="8"), seen)["a"] == "7"
    assert one(finding("constant", a="", b=""), seen)["a"] == "1"
    assert one(finding("constant", a="7", b="8"), Seen(1, a="***1", b="***2", masked=True))["a"] == "***1"


@pytest.mark.parametrize("kind", ["missing", "extra"])
def test_the_pairs_of_a_field_that_one_side_lacks_are_found_whichever_side(kind):
    found = one(finding(kind="extra", a="", b="3"), Seen(1, a="null", b="3"), kind=kind)
    assert (found["a"], found["b"], found["examples"]) == ("", "3", (3, 4))


def test_a_court_is_saved_without_its_examples():
    state = {"a": 1, "keys": [{"place": ["body", "$.x", "value"], "a": "'s3cr3t'", "b": "x", "counts": [1, 2]}]}
    assert without_examples(state) == {
        "a": 1, "keys": [{"place": ["body", "$.x", "value"], "a": "", "b": "", "counts": [1, 2]}],
    }  # fmt: skip
