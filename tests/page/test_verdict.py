from httptee.page.verdict import DIFFERENCES, finding_of, link_to, verdict_of, weight_of
from tests.verdict.evidence.made import finding, report, route


def test_what_speaks_against_b_comes_first_and_the_rest_in_groups():
    labels = ["noise", "undecided", "constant", "differs", "accepted", "suspected", "ignored"]
    shown = verdict_of(report(routes=[route(findings=[finding(label, path=label) for label in labels])]))
    assert [one.label for one in shown.against.findings] == ["differs", "suspected"]
    assert [[one.label for one in group.findings] for group in shown.groups] == [
        ["constant"],
        ["undecided"],
        ["noise", "accepted", "ignored"],
    ]
    assert [group.reasons for group in shown.groups] == [False, False, True]


def test_a_report_without_differences_has_no_groups():
    shown = verdict_of(report("YES", routes=[route(word="YES")]))
    assert (shown.against.count, shown.groups, shown.summary) == (0, [], "a summary")


def test_thousands_of_differences_are_counted_and_only_some_are_shown():
    many = [finding("noise", path=str(number)) for number in range(1000)]
    shown = verdict_of(report(routes=[route(f"GET /{number}", findings=many) for number in range(300)]))
    (group,) = shown.groups
    assert (len(group.findings), group.count) == (DIFFERENCES, 300_000)
    assert (len(shown.routes), shown.more_routes) == (100, 200)


def test_a_difference_is_found_by_its_b_and_its_number():
    one = finding(id="ab12")
    made = report(backend="http://b:1/x?", routes=[route(findings=[one])])
    assert link_to(made, one) == "/difference/http%3A%2F%2Fb%3A1%2Fx%3F/ab12"
    assert finding_of([made], "http://b:1/x?", "ab12") is one
    assert finding_of([made], "other", "ab12") is None


def test_each_label_has_a_weight():
    assert [weight_of(label) for label in ("differs", "suspected", "undecided", "noise")] == ["bad", "bad", "fair", ""]
