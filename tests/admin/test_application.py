import json

import pytest

from httptee.errors import UpstreamConnectError
from httptee.page.served import SECURITY
from httptee.verdict.evidence import Evidence
from tests.admin.page import get, make, with_worker
from tests.verdict.evidence.made import report


def test_healthy_while_a_worker_is_alive():
    made = make()
    assert get(made, "/healthz").status == 503
    with_worker(made)
    assert get(made, "/healthz").status == 200
    with_worker(made, draining=1)
    assert get(made, "/healthz").status == 200


def test_ready_while_a_worker_takes_connections():
    made = make()
    assert get(made, "/readyz").body == "no worker is alive\n"
    with_worker(made)
    assert get(made, "/readyz").status == 200
    with_worker(made, draining=1)
    answer = get(made, "/readyz")
    assert (answer.status, answer.body) == (503, "draining\n")
    made.ledger.worker(1).publish(pid=42)
    assert get(made, "/readyz").status == 200


@pytest.mark.parametrize(
    ("outcome", "ready", "said"),
    [
        (200, True, "200"),
        (302, True, "302"),
        (404, False, "404"),
        (503, False, "503"),
        (UpstreamConnectError("refused"), False, "connect"),
    ],
)
def test_ready_only_where_a_passes_its_check(outcome, ready, said):
    made = with_worker(make("/ping", outcome=outcome))
    assert get(made, "/readyz").body == "A fails its check: no answer yet\n"
    made.check.ask()
    answer = get(made, "/readyz")
    assert (answer.status == 200) is ready
    assert ready or said in answer.body
    assert json.loads(get(made, "/status").body)["a"]["check"] == {"path": "/ping", "passes": ready, "said": said}


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/readyz", "/status", "/metrics", "/verdict", "/page/live", "/evidence/1", "/difference/b/1"],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_nothing_can_be_changed(path, method):
    answer = get(with_worker(make()), path, method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["", "*", "/metrics/", "//metrics", "/STATUS", "/status%20", "http://h/status"])
def test_other_paths_are_not_there(path):
    assert get(with_worker(make()), path).status == 404


def test_a_query_is_ignored_and_nothing_is_cached():
    answer = get(with_worker(make()), "/healthz?verbose=1")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


def test_the_first_page_is_for_people_and_links_to_all_others():
    made = with_worker(make())
    answer = get(made, "/")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for path in made.admin._pages:
        assert f'<a href="{path}">' in answer.body


@pytest.mark.parametrize("path", ["/", "/page/live", "/page/style.css", "/status", "/metrics", "/healthz", "/nowhere"])
def test_every_answer_has_the_header_fields_that_keep_a_browser_safe(path):
    headers = get(with_worker(make()), path).headers
    for name, value in SECURITY:
        assert headers[name] == value


def test_what_has_not_changed_is_answered_with_304():
    made = with_worker(make())
    tag = get(made, "/page/style.css").headers["ETag"]
    answer = get(made, "/page/style.css", headers=[("if-none-match", f'"other", W/{tag}')])
    assert (answer.status, answer.body, answer.headers["ETag"]) == (304, "", tag)
    assert get(made, "/page/style.css", headers=[("If-None-Match", '"other"')]).status == 200
    assert get(made, "/", headers=[("If-None-Match", '""')]).status == 200


@pytest.mark.parametrize("path", ["/", "/page/live", "/status", "/metrics", "/healthz", "/nowhere"])
def test_on_loopback_another_name_is_misdirected(path):
    made = with_worker(make(settings=["--admin", "127.0.0.1:8889"]))
    answer = get(made, path, headers=[("Host", "evil.example:8889")])
    assert (answer.status, answer.body.count("\n"), answer.body[:36]) == (
        421,
        1,
        "this listener is on loopback: ask fo",
    )
    assert get(made, path, headers=[("Host", "localhost:9000")]).status == get(made, path).status != 421


def test_elsewhere_any_name_will_do():
    made = with_worker(make(settings=["--admin", ":8889"]))
    assert get(made, "/status", headers=[("Host", "tee.example")]).status == 200


def test_each_second_adds_to_the_minute_and_to_the_hour():
    made = with_worker(make())
    before = len(made.admin.history._snapshots)
    made.admin.second()
    assert len(made.admin.history._snapshots) == before + 1
    assert made.admin._hour._last is made.admin.history._snapshots[-1]


def test_the_verdict_is_that_of_the_evidence(tmp_path):
    evidence = Evidence(str(tmp_path))
    made = make(evidence=str(tmp_path))
    found = json.loads(get(made, "/verdict").body)
    assert (found["word"], found["reports"], found["directory"]) == ("NOT YET", [], str(tmp_path))
    evidence.publish([report("NO", "canary")])
    answer = get(made, "/verdict")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert json.loads(answer.body)["reports"][0]["backend"] == "canary"
    evidence.close()


def test_without_a_judge_there_is_no_verdict(tmp_path):
    assert get(make(), "/verdict").status == 404
    answer = get(make(evidence=str(tmp_path / "nowhere")), "/verdict")
    assert (answer.status, answer.body) == (503, f"{tmp_path}/nowhere: no such directory\n")
