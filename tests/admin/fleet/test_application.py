import json
from types import SimpleNamespace

import pytest

from httptee.admin.fleet import FleetAdmin
from httptee.http import Listen
from httptee.verdict.evidence import Evidence
from tests.admin.page import get
from tests.verdict.evidence.made import PRICE, finding, pair, report, route

TEE = {
    "instance": "tee-1",
    "state": "running",
    "at": 1_700_000_000.0,
    "answered": 1234,
    "ledger": [],
    "pairs": {"shipped": 7, "error": "no <way> through"},
}
ACCOUNT = {"backend": "b", "seen": 9, "delivered": 5, "failed": 1, "dropped": 2, "in_flight": 1, "spooled": 0} | {
    "handed_over": 0,
    "taken_over": 0,
}
JUDGE = {
    "name": "judge-1",
    "pid": 42,
    "at": 1_700_000_000.0,
    "owns": [0, 3],
    "failures": 0,
    "strange": 1,
    "repeats": {"made": 5, "waiting": 2},
}
FLEET = {
    "tees": [{**TEE, "ledger": [{**ACCOUNT, "handed_over": 0}]}],
    "ledger": [{**ACCOUNT, "handed_over": 0}],
    "lost": {"count": 3, "first": 1_700_000_000.0, "last": 1_700_000_060.0},
    "judges": [JUDGE],
}


def made(tmp_path, fleet=FLEET, listen="127.0.0.1:1"):
    if fleet is not None:
        tmp_path.mkdir(exist_ok=True)
        evidence = Evidence(str(tmp_path))
        found = route(findings=[finding()])
        evidence.publish([report("NO", "b", [found])], judge=JUDGE, fleet=fleet)
        evidence.close()
    return SimpleNamespace(admin=FleetAdmin("redis://host/verdict", str(tmp_path), Listen.parse(listen)))


def test_the_page_shows_the_tees_the_sum_the_verdict_and_the_judges(tmp_path):
    page = get(made(tmp_path), "/").body
    for text in (
        "redis://host/verdict",
        "tee-1",
        "running",
        "1,234",
        "all tees",
        "3 pairs were lost",
        "judge-1",
        "0 3",
    ):
        assert text in page
    assert "no &lt;way&gt; through" in page
    assert "B b" in page


def test_what_was_handed_over_to_an_engine_is_shown_where_there_is_one(tmp_path):
    assert "handed over" not in get(made(tmp_path / "without"), "/").body
    tee = {**TEE, "ledger": [{**ACCOUNT, "handed_over": 7}]}
    page = get(made(tmp_path / "with", {**FLEET, "tees": [tee]}), "/").body
    assert '<th scope="col" class="number">handed over</th>' in page
    assert '<td class="number">7</td>' in page


def test_the_verdict_is_json_for_programs(tmp_path):
    found = json.loads(get(made(tmp_path), "/verdict").body)
    assert (found["word"], found["fleet"]["tees"][0]["instance"]) == ("NO", "tee-1")


def test_before_the_first_report_the_page_says_so(tmp_path):
    setting = made(tmp_path, None)
    answer = get(setting, "/")
    assert (answer.status, "No tee has published anything yet." in answer.body) == (200, True)
    assert get(setting, "/verdict").status == 503
    assert get(setting, "/healthz").body == "ok\n"


def test_a_pair_that_this_judge_keeps_can_be_looked_at(tmp_path):
    evidence = Evidence(str(tmp_path), max_age=1e12)
    evidence.add(pair(3), [PRICE])
    evidence.publish([report("NO", "b", [route()])])
    evidence.close()
    setting = SimpleNamespace(admin=FleetAdmin("redis://host/verdict", str(tmp_path), None))
    assert get(setting, "/evidence/3").status == 200
    assert get(setting, "/evidence/4").status == 404
    assert get(setting, "/page/style.css").status == 200


@pytest.mark.parametrize("path", ["/status", "/page/live", "/x", "/page/script"])
def test_there_is_nothing_else(tmp_path, path):
    answer = get(made(tmp_path), path)
    assert answer.status == 404


@pytest.mark.parametrize("path", ["/", "/verdict", "/healthz"])
def test_nothing_can_be_changed(tmp_path, path):
    answer = get(made(tmp_path), path, "POST")
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_on_loopback_only_names_that_nobody_else_owns_are_answered(tmp_path):
    assert get(made(tmp_path), "/", headers=[("Host", "evil.example")]).status == 421
    assert get(made(tmp_path, None, "0.0.0.0:1"), "/", headers=[("Host", "judge.internal")]).status == 200


def test_the_server_of_the_pages_needs_no_check_and_no_second(tmp_path):
    admin = made(tmp_path, None).admin
    admin.check.start()
    admin.second()
    admin.check.stop()


def test_the_metrics_are_those_of_the_verdict_and_of_all_tees(tmp_path):
    found = get(made(tmp_path), "/metrics").body.splitlines()
    for line in (
        'httptee_verdict{backend="b"} -1.0',
        'httptee_fleet_tees{state="running"} 1.0',
        'httptee_fleet_tees{state="silent"} 0.0',
        'httptee_fleet_clones_seen_total{backend="b"} 9.0',
        'httptee_fleet_clones{backend="b",outcome="dropped"} 2.0',
        "httptee_fleet_pairs_lost_total 3.0",
        "httptee_fleet_judges 1.0",
    ):
        assert line in found


def test_before_the_first_report_there_are_metrics_too(tmp_path):
    assert "httptee_fleet_judges 0.0" in get(made(tmp_path, None), "/metrics").body
