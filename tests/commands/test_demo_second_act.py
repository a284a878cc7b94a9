"""The second act of the demo. That it finds what was planted: tests/integration/test_demo.py."""

import json

import pytest

from httptee.commands.demo import second_act
from httptee.commands.demo.second_act import PLANTED, Shop, found_in
from httptee.verdict.court import NO, Finding, LatencyReport, Report, RouteReport


def answer(shop, path):
    said = []
    body = b"".join(shop({"PATH_INFO": path}, lambda status, headers: said.append((status, dict(headers)))))
    ((status, headers),) = said
    assert status == "200 OK"
    assert headers["Content-Length"] == str(len(body))
    return json.loads(body)


def report(labels):
    times = LatencyReport("undecided", "", 0)
    routes = tuple(
        RouteReport(route, NO, 9, 0, 9, 0.5, 1.0, times, (
            Finding("0", route, "body", path, kind, label, "", 9, 1.0, 1.0, "1", "2", ""),
        ))
        for (route, path, kind), label in labels.items()
    )  # fmt: skip
    return Report("new-shop", 1, 0.0, NO, "NO", 0.001, 0.01, 9, 9, 9, 9, 1, routes)


def test_a_and_b_differ_where_it_is_planted_and_nowhere_else():
    a, b = Shop(defects=False), Shop(defects=True)
    products = [(answer(a, f"/products/{number}"), answer(b, f"/products/{number}")) for number in range(30)]
    assert [round(100 * (two["price"] - one["price"])) for one, two in products] == [1, 0, 0] * 10
    assert all(one["id"] == two["id"] and sorted(one["sizes"]) == sorted(two["sizes"]) for one, two in products)
    one, two = answer(a, "/orders/7"), answer(b, "/orders/7")
    assert one.keys() - two.keys() == {"currency"}
    assert (one["id"], one["total"]) == (two["id"], two["total"])


def test_two_answers_of_a_are_never_equal():
    a = Shop(defects=False)
    for path in ("/products/1", "/orders/1"):
        assert answer(a, path) != answer(a, path)


def test_what_is_found_is_read_from_the_report():
    assert found_in(report(PLANTED)) == PLANTED
    assert found_in(None) == {}


@pytest.mark.parametrize(
    ("labels", "status", "said"),
    [
        (PLANTED, 0, "The verdict found both defects, and the noise is noise."),
        ({**PLANTED, next(iter(PLANTED)): "noise"}, 1, "The verdict is NOT as planned."),
        ({**PLANTED, ("GET /orders/{int}", "$.total", "value"): "undecided"}, 1, "The verdict is NOT as planned."),
        (None, 1, "The verdict is NOT as planned."),
    ],
)
def test_it_says_whether_the_verdict_is_as_planned(labels, status, said, capsys):
    made = None if labels is None else report(labels)
    assert second_act._say(made, 700, 8.0) == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == said
    assert any("B new-shop" in line for line in lines) == (made is not None)


def test_it_ends_if_nothing_is_found(monkeypatch, capsys):
    monkeypatch.setattr(second_act, "_LONGEST", 0.0)
    assert second_act.run_second_act() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "The verdict is NOT as planned."
