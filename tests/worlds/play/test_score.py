"""What a report is worth."""

import pytest

from httptee.verdict.court.report import Finding, LatencyReport, Report, RouteReport
from tests.worlds.play.score import Said, false_alarms, is_found, is_reported, misnamed, said
from tests.worlds.switches import LATENCY, Switch, found

ROUTE = "GET /users/{int}"
PRICE = Switch("price", ROUTE, found(ROUTE, "body", "$.price", "value"))
SLOW = Switch("slow", ROUTE, found(ROUTE, LATENCY, "", "", "slower"), slow=1.3)
MARGIN = Switch("margin", ROUTE, found(ROUTE, LATENCY, "", "", "within", "undecided"), slow=1.1)
ERRORS = Switch("errors", ROUTE, found(ROUTE, "status", "", "value"), also=((ROUTE, "body"),))
CLOCK = Switch("clock", ROUTE, found(ROUTE, "body", "$.now", "value", "noise", "absent"))
UUID = Switch("uuid", ROUTE, found(ROUTE, "body", "$.id", "value", "noise"))


def statement(part="body", path="$.price", kind="value", label="differs", route=ROUTE):
    return Said(route, part, path, kind, label)


def test_a_report_is_read_finding_by_finding():
    finding = Finding("x", ROUTE, "body", "$.price", "value", "differs", "", 9, 0.1, 1e9, "1", "2", "")
    route = RouteReport(ROUTE, "NO", 9, 0, 9, 1.0, 1.0, LatencyReport("within", "", 3), (finding,))
    report = Report("b", 1, 0.0, "NO", "", 0.001, 0.01, 9, 9, 9, 9, 2, (route,))
    assert list(said(report)) == [statement(LATENCY, "", "", "within"), statement()]


@pytest.mark.parametrize(
    ("defect", "each", "expected"),
    [
        (PRICE, statement(), True),
        (PRICE, statement(label="noise"), False),
        (PRICE, statement(kind="type"), False),
        (PRICE, statement(path="$.other"), False),
        (PRICE, statement(route="GET /other"), False),
        (SLOW, statement(LATENCY, "", "", "slower"), True),
        (SLOW, statement(LATENCY, "", "", "within"), False),
        (MARGIN, statement(LATENCY, "", "", "undecided"), True),
        (MARGIN, statement(LATENCY, "", "", "slower"), False),
    ],
)
def test_a_defect_is_found_at_its_place_with_its_label(defect, each, expected):
    assert is_found([each], defect) is expected


def test_a_defect_may_need_a_note():
    report = Report("b", 1, 0.0, "NO", "", 0.001, 0.01, 9, 9, 9, 9, 2, notes=("3 writes not delivered",))
    assert is_reported(report, Switch("lost", note="not delivered"))
    assert not is_reported(report, Switch("lost", note="reordered"))
    assert is_reported(report, Switch("nothing"))


@pytest.mark.parametrize(
    ("each", "alarm"),
    [
        (statement(), False),
        (statement(path="$.other"), True),
        (statement(label="noise", path="$.other"), False),
        (statement(label="suspected", path="$.other"), False),
        (statement(LATENCY, "", "", "slower"), True),
    ],
)
def test_what_no_defect_explains_is_a_false_alarm(each, alarm):
    assert bool(false_alarms([each], [PRICE])) is alarm


def test_what_comes_with_a_defect_is_no_false_alarm():
    assert false_alarms([statement("body", "$.error", "extra"), statement("header", "x", "value")], [ERRORS]) == [
        statement("header", "x", "value")
    ]


def test_a_slow_b_may_be_found_by_its_tail_but_not_within_the_margin():
    tail = statement(LATENCY, "", "", "slower in the tail")
    assert false_alarms([tail], [SLOW]) == []
    assert false_alarms([tail], [MARGIN]) == [tail]


def test_a_noise_with_another_name_is_reported():
    assert misnamed([statement(path="$.id", label="undecided")], [UUID]) == [f"uuid: undecided at {ROUTE} $.id"]
    assert misnamed([], [UUID, CLOCK]) == [f"uuid: absent at {ROUTE} $.id"]
    assert misnamed([statement(path="$.id", label="noise")], [UUID, CLOCK]) == []
