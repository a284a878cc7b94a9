import re
import subprocess
from pathlib import Path

from httptee.admin.metrics import LedgerCollector, exposition
from httptee.admin.processes import Mounting
from httptee.errors import REFUSAL_REASONS
from httptee.ledger import RECORD_REASONS
from httptee.ledger.boards import Board
from httptee.ledger.columns import DROP_REASONS, FAILURE_REASONS
from httptee.verdict.pairs import Tallies
from tests.admin.page import get, make, with_worker
from tests.support.net import require


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
    made.ledger.worker(1).client_gone()
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
    assert found["httptee_client_gone_total"] == 1
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


def test_every_metric_page_and_reason_is_in_the_documentation(tmp_path):
    made = with_worker(make(evidence=str(tmp_path), tallies=Tallies(["b"])))
    made.ledger.control.certificate_ends = 1
    (name, *_) = [one.backend for one in made.ledger.statements()]
    made.ledger.spools.give_desks([name], 1, {name: ""})
    made.ledger.spools.by_name[name].publish(engine=1)
    made.ledger.recording.account(0).refused("filtered")
    made.ledger.recording.board = Board()
    text = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    families = re.findall(r"^# TYPE (\S+) ", get(made, "/metrics").body, re.M)
    assert len(families) >= 30
    for name in [*families, *make().admin._pages, *FAILURE_REASONS, *DROP_REASONS, *REFUSAL_REASONS, *RECORD_REASONS]:
        assert f"`{name}" in text, name
    documented = set(re.findall(r"^\| `(httptee_\w+)", text, re.M))
    assert documented == set(families)


def test_under_another_server_there_are_only_metrics_of_what_is_there():
    made = with_worker(make(mounting=Mounting(of_application=False, together=True)))
    body = get(made, "/metrics").body
    assert "httptee_workers 1.0" in body
    assert "httptee_primary_requests_total" in body
    for name in ("connections", "primary_in_flight", "primary_waiting", "reloads", "control_commands", "tunnels"):
        assert f"httptee_{name}" not in body
        assert f"httptee_{name}" in get(make(), "/metrics").body
