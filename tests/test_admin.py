import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from httptee.admin.application import Admin
from httptee.admin.check import Check
from httptee.admin.history import History
from httptee.admin.metrics import LedgerCollector, exposition
from httptee.admin.status import shown
from httptee.errors import REFUSAL_REASONS, UpstreamConnectError
from httptee.ledger.columns import DROP_REASONS, FAILURE_REASONS, IS_OPEN
from httptee.ledger.ledger import Ledger
from httptee.settings.config import load
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import backend_names
from tests.support.net import require

SETTINGS = load(["-a", "http://a:1", "-b", "http://b:2", "-b", "http://b:2", "-b.methods", "^GET$"], {})


class Upstream:
    """Answers a check with what it is told to."""

    def __init__(self, outcome=200):
        self.outcome = outcome
        self.asked = []

    def send(self, request, timeouts):
        self.asked.append((request.method, request.target))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return SimpleNamespace(status_code=self.outcome, raw=SimpleNamespace(close=lambda: None))

    def close(self):
        pass


def make(check_path="", rows=2, outcome=200):
    ledger = Ledger(backend_names(SETTINGS.b), rows)
    check = Check(Upstream(outcome), check_path, 1.0)
    return SimpleNamespace(admin=Admin(SETTINGS, ledger, check, 1_700_000_000.0), ledger=ledger, check=check)


def get(made, path, method="GET"):
    got = {}

    def start_response(status, headers, exc_info=None):
        got.update(status=int(status[:3]), headers=dict(headers))

    answer = made.admin({"REQUEST_METHOD": method, "REQUEST_URI": path}, start_response)
    body = b"".join(answer)
    answer.close()
    assert got["headers"]["Content-Length"] == str(len(body))
    return SimpleNamespace(body=body.decode(), **got)


def with_worker(made, **gauges):
    made.ledger.worker(0).publish(pid=41, core=1, started=1_700_000_000, connections=5, **gauges)
    return made


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


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/status", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"])
def test_nothing_can_be_changed(path, method):
    answer = get(with_worker(make()), path, method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "*", "/metrics/", "//metrics", "/STATUS", "/status%20", "http://h/status"])
def test_other_paths_are_not_there(path):
    assert get(with_worker(make()), path).status == 404


def test_a_query_is_ignored_and_nothing_is_cached():
    answer = get(with_worker(make()), "/healthz?verbose=1")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


def test_status_has_the_ledger_and_the_settings_in_force():
    made = with_worker(make())
    account, other = made.ledger.accounts(0)
    account.publish(waiting=2)
    made.ledger.circuits[0][IS_OPEN] = 1
    for _ in range(4):
        account.open()
    account.settle_delivered(204, 0.5)
    account.settle_failed("timeout")
    account.drop("saturated")
    other.drop("filtered")
    made.ledger.worker(0).answered(200, 0.25)
    made.ledger.worker(0).error("reset")
    found = json.loads(get(made, "/status").body)
    assert found["workers"] == [
        {
            "row": 0,
            "pid": 41,
            "core": 0,
            "started": 1_700_000_000,
            "draining": False,
            "connections": 5,
            "held_bytes": 0,
            "share": 1.0,
        }
    ]
    assert found["started"] == 1_700_000_000.0
    assert found["uptime"] > 0
    assert (found["a"]["url"], found["a"]["answered"]) == ("http://a:1", 1)
    assert (found["a"]["errors_by_reason"], found["a"]["check"]) == ({"reset": 1}, None)
    assert found["a"]["seconds"] == {"count": 1, "mean": 0.25}
    b, c = found["b"]
    assert (b["name"], b["url"], c["name"], c["url"]) == ("http://b:2", "http://b:2", "http://b:2#2", "http://b:2")
    assert (b["state"], b["in_flight"], b["waiting"]) == ("down", 2, 2)
    assert b["ledger"] == {
        "seen": 5,
        "delivered": 1,
        "delivered_by_status": {"204": 1},
        "failed": 1,
        "failed_by_reason": {"timeout": 1},
        "dropped": 1,
        "dropped_by_reason": {"saturated": 1},
        "in_flight": 2,
    }
    assert set(found["settings"]) == set(shown(Settings()))
    assert found["settings"]["b"] == ["http://b:2", "http://b:2"]
    assert found["settings"]["b_methods"] == "^GET$"
    assert found["settings"]["listen"] == ":8888"
    assert found["settings"]["threads"] == 64
    assert found["settings"]["admin"] is None


def test_what_looks_like_a_password_is_not_shown():
    assert shown(Settings(access_log="/x/user:secret@y"))["access_log"] == "***@y"


def counts(text):
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines() if line[0] != "#"}


def test_metrics_have_the_names_that_were_promised_and_what_was_counted():
    made = with_worker(make(), held_bytes=77, cut=250_000)
    account, _ = made.ledger.accounts(0)
    account.open()
    account.open()
    account.settle_delivered(204, 0.002)
    account.drop("saturated")
    made.ledger.worker(1).answered(200, 0.3)
    made.ledger.worker(1).answered(999, 20)
    answer = get(made, "/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    found = counts(answer.body)
    assert found['httptee_primary_requests_total{code="200"}'] == 1
    assert found['httptee_primary_requests_total{code="other"}'] == 1
    assert found['httptee_primary_errors_total{reason="timeout"}'] == 0
    assert found['httptee_primary_seconds_bucket{le="0.25"}'] == 0
    assert found['httptee_primary_seconds_bucket{le="0.5"}'] == 1
    assert found['httptee_primary_seconds_bucket{le="+Inf"}'] == found["httptee_primary_seconds_count"] == 2
    assert found["httptee_primary_seconds_sum"] == 20.3
    assert found['httptee_shadow_seen_total{backend="http://b:2"}'] == 3
    assert found['httptee_shadow_delivered_total{backend="http://b:2",code="204"}'] == 1
    assert found['httptee_shadow_failed_total{backend="http://b:2",reason="lost"}'] == 0
    assert found['httptee_shadow_dropped_total{backend="http://b:2",reason="saturated"}'] == 1
    assert found['httptee_shadow_in_flight{backend="http://b:2"}'] == 1
    assert found['httptee_shadow_in_flight{backend="http://b:2#2"}'] == 0
    assert found['httptee_shadow_seconds_bucket{backend="http://b:2",le="0.0025"}'] == 1
    assert found['httptee_shadow_up{backend="http://b:2"}'] == 1
    assert found["httptee_shadow_queue_bytes"] == 77
    assert (found["httptee_shadow_share"], found["httptee_shadow_share_changes_total"]) == (0.75, 0)
    assert (found["httptee_workers"], found["httptee_connections"]) == (1, 5)
    assert found["httptee_log_dropped_total"] == 0
    assert any(name.startswith("httptee_build_info{") for name in found)


def test_buckets_only_grow_from_bound_to_bound():
    made = make()
    for number in range(200):
        made.ledger.worker(number % 2).answered(200, number / 10)
    text = exposition(LedgerCollector(made.ledger, 0.0)).decode()
    buckets = [float(count) for count in re.findall(r"^httptee_primary_seconds_bucket\{.*\} (.*)$", text, re.M)]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 200


def test_promtool_finds_nothing_to_say():
    text = get(with_worker(make()), "/metrics").body
    checked = subprocess.run(
        [require("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.fixture
def history():
    """A ledger's history under a clock that a test moves."""
    time = SimpleNamespace(now=1000.0)
    ledger = Ledger(["b"])
    made = SimpleNamespace(ledger=ledger, time=time, history=History(ledger, lambda: time.now))

    def seconds(count, work=lambda: None):
        for _ in range(count):
            work()
            time.now += 1
            made.history.take()

    made.seconds = seconds
    made.account = ledger.accounts(0)[0]
    return made


def test_rates_are_taken_over_each_window(history):
    worker = history.ledger.worker(0)
    history.seconds(60, lambda: worker.answered(200, 0.0))
    history.seconds(10, lambda: [worker.answered(200, 0.0) for _ in range(5)])
    history.seconds(1)
    assert history.history.primary_rates() == {"1s": 0.0, "10s": 4.5, "60s": 1.65}


def test_a_short_history_has_rates_over_what_there_is(history):
    assert history.history.primary_rates() == {"1s": 0.0, "10s": 0.0, "60s": 0.0}
    history.seconds(2, lambda: history.account.drop("filtered"))
    assert history.history.shadow_rates(0)["dropped"] == {"1s": 1.0, "10s": 1.0, "60s": 1.0}


def test_the_oldest_clone_is_as_old_as_the_counts_say(history):
    assert history.history.oldest(0) == 0.0
    history.account.open()
    history.seconds(5, lambda: history.account.drop("sampled_out"))
    history.account.open()
    history.seconds(3)
    assert 7 <= history.history.oldest(0) <= 8
    history.account.settle_delivered(200, 8.0)
    assert 2 <= history.history.oldest(0) <= 3
    history.account.settle_failed("timeout")
    assert history.history.oldest(0) == 0.0


def test_history_is_bounded(history):
    history.seconds(500)
    assert len(history.history._snapshots) <= 62


def test_every_metric_page_and_reason_is_in_the_documentation():
    text = (Path(__file__).parent.parent / "docs" / "monitoring.md").read_text()
    families = re.findall(r"^# TYPE (\S+) ", get(with_worker(make()), "/metrics").body, re.M)
    assert len(families) >= 18
    for name in [*families, *make().admin._pages, *FAILURE_REASONS, *DROP_REASONS, *REFUSAL_REASONS]:
        assert f"`{name}" in text, name
    documented = set(re.findall(r"^\| `(httptee_\w+)", text, re.M))
    assert documented == set(families)
