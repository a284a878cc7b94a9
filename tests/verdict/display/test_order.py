from httptee.verdict.display.order import by_severity, by_weight
from tests.verdict.evidence.made import finding, route


def test_what_speaks_against_b_is_read_first():
    labels = ["noise", "constant", "suspected", "ignored", "differs", "undecided"]
    found = by_weight([finding(label, share=0.9) for label in labels] + [finding("differs", share=0.1)])
    assert [one.label for one in found[:5]] == ["differs", "differs", "suspected", "undecided", "constant"]
    assert [one.share for one in found[:2]] == [0.9, 0.1]


def test_routes_that_say_no_are_read_first():
    routes = [
        route("a", "YES", share=0.9),
        route("b", "NOT YET"),
        route("c", "NO", share=0.1),
        route("d", "NO", share=0.2),
    ]
    assert [one.route for one in by_severity(routes)] == ["d", "c", "b", "a"]
