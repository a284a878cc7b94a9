import json
import os

from httptee.admin.processes import Mounting
from httptee.ledger.columns import IS_OPEN
from httptee.settings.config import load
from httptee.settings.options import OPTIONS
from httptee.verdict.evidence import Evidence
from httptee.verdict.pairs import Tallies
from tests.admin.page import get, make, with_worker
from tests.verdict.evidence.made import finding, report, route
from tests.verdict.pairs.test_tallies import count


def test_status_has_the_ledger_and_the_settings_in_force():
    made = with_worker(make(), waiting=2)
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
    made.ledger.worker(0).client_gone()
    made.ledger.worker(0).publish(tunnels=1)
    for _ in range(2):
        made.ledger.worker(0).tunnel_opened()
    made.ledger.worker(0).tunnel_ended("idle")
    made.ledger.worker(0).carried(700, 30)
    found = json.loads(get(made, "/status").body)
    assert found["workers"] == [
        {
            "row": 0,
            "pid": 41,
            "core": 0,
            "started": 1_700_000_000,
            "draining": False,
            "connections": 5,
            "tunnels": 1,
            "in_flight": 3,
            "waiting": 2,
            "held_bytes": 0,
            "share": 1.0,
        }
    ]
    assert found["started"] == 1_700_000_000.0
    assert found["uptime"] > 0
    assert (found["a"]["url"], found["a"]["answered"]) == ("http://a:1", 1)
    assert (found["a"]["errors_by_reason"], found["a"]["check"]) == ({"reset": 1}, None)
    assert found["a"]["client_gone"] == 1
    assert found["a"]["tunnels"] == {"open": 1, "opened": 2, "ended": {"idle": 1}, "received": 700, "sent": 30}
    assert (found["a"]["in_flight"], found["a"]["waiting"]) == (3, 2)
    assert found["a"]["seconds"] == {"count": 1, "mean": 0.25, "p50": 0.175, "p99": 0.2485}
    b, c = found["b"]
    assert (b["name"], b["url"], c["name"], c["url"]) == ("http://b:2", "http://b:2", "http://b:2#2", "http://b:2")
    assert (b["state"], b["in_flight"], b["waiting"]) == ("down", 2, 2)
    assert b["seconds"] == {"count": 1, "mean": 0.5, "p50": 0.375, "p99": 0.4975}
    assert b["line"].startswith("http://b:2 percent=100 b.methods=^GET$ max-body=1048576 timeout=1000 ")
    assert b["ledger"] == {
        "seen": 5,
        "delivered": 1,
        "delivered_by_status": {"204": 1},
        "failed": 1,
        "failed_by_reason": {"timeout": 1},
        "dropped": 1,
        "dropped_by_reason": {"saturated": 1},
        "in_flight": 2,
        "spooled": 0,
        "recovered": 0,
        "handed_over": 0,
        "taken_over": 0,
    }
    assert list(found["settings"]) == [option.name for option in OPTIONS]
    assert found["settings"]["b"] == ["http://b:2", "http://b:2"]
    assert found["settings"]["b.methods"] == "^GET$"
    assert found["settings"]["a.timeout"] == 2500


def test_a_b_that_a_reload_removed_has_no_line():
    made = make()
    made.admin._settings = load(["-b", "http://b:2 name=other"], {})
    assert [each["line"] for each in json.loads(get(made, "/status").body)["b"]] == [None, None]


def test_without_a_comparison_there_is_no_verdict():
    found = json.loads(get(make(), "/status").body)
    assert (found["verdict"], [b["verdict"] for b in found["b"]]) == (None, [None, None])


def test_the_judge_can_be_found_and_each_b_has_its_verdict(tmp_path):
    tallies = Tallies(["http://b:2", "http://b:2#2"])
    count(tallies.row(0), "GET /x", chosen=9, equal=5, unequal=3, lost=1)
    tallies.row(0).missed(0)
    repeats = {"made": 1, "waiting": 0, "refused": {}}
    judge = {"pid": os.getpid(), "thread": False, "began": 1.5, "failures": 2, "strange": 0, "dropped": 4}
    evidence = Evidence(str(tmp_path))
    reports = [report("NO", "http://b:2", [route(findings=[finding(), finding("noise")])])]
    evidence.publish(reports, judge={**judge, "repeats": repeats})
    evidence.close()
    found = json.loads(get(make(evidence=str(tmp_path), tallies=tallies), "/status").body)
    verdict = found["verdict"]
    assert 0.0 <= verdict.pop("age") < 60
    judge["state"] = "running"
    nowhere = dict.fromkeys(("error", "alone", "elsewhere"))
    assert verdict == {"directory": str(tmp_path), **nowhere, "judge": {**judge, "repeats": repeats}}
    first, second = (b["verdict"] for b in found["b"])
    counts = {"chosen": 9, "matched": 5, "mismatched": 3, "lost": 1, "writes_missed": 1}
    assert first["counts"] == counts
    assert (first["word"], first["summary"], first["judged"], first["repeats"]) == ("NO", "a summary", 1000, 17)
    assert (first["routes"], first["findings"]) == (1, {"differs": 1, "noise": 1})
    assert (second["word"], second["routes"], second["counts"]) == (None, 0, dict.fromkeys(counts, 0))


UNDER_A_SERVER = Mounting(of_application=False, together=True)
IN_AN_APPLICATION = Mounting(of_application=True, together=False)


def test_under_another_server_what_only_that_one_knows_is_null():
    made = with_worker(make(mounting=UNDER_A_SERVER, settings=["-l", ":1", "-cert.file", "x.pem", "-threads", "7"]))
    found = json.loads(get(made, "/status").body)
    assert found["mounted"] == {"runs": "under another server", "pid": os.getpid(), "counted": "all processes"}
    assert (found["control"], found["reload"], found["certificate"]) == (None, None, None)
    assert found["a"]["url"] == "http://a:1"
    assert (found["a"]["in_flight"], found["a"]["waiting"], found["workers"][0]["connections"]) == (None, None, None)
    assert (found["workers"][0]["pid"], found["workers"][0]["started"]) == (41, 1_700_000_000)
    assert "l" not in found["settings"]
    assert found["settings"]["threads"] == 7


def test_under_another_server_the_processes_are_those_of_the_ledger():
    made = make(mounting=UNDER_A_SERVER)
    assert json.loads(get(made, "/status").body)["processes"] == []
    made.ledger.worker(1).publish(pid=os.getpid())
    found = json.loads(get(made, "/status").body)["processes"]
    assert [(one["kind"], one["pid"]) for one in found] == [("worker", os.getpid())]


def test_inside_an_application_a_is_that_application():
    found = json.loads(get(make(mounting=IN_AN_APPLICATION), "/status").body)
    assert found["a"]["url"] == "this application"
    assert (found["mounted"]["runs"], found["mounted"]["counted"]) == ("inside an application", "this process alone")
    assert found["settings"].keys().isdisjoint({"l", "threads", "a.check", "admin"} - {"admin"})


def test_under_another_server_the_verdict_is_that_of_one_process(tmp_path):
    evidence = Evidence(str(tmp_path))
    evidence.publish([report("NO", "http://b:2")], judge={"pid": os.getpid(), "thread": True})
    evidence.close()
    made = with_worker(make(evidence=str(tmp_path), mounting=UNDER_A_SERVER))
    made.ledger.worker(1).publish(pid=42)
    assert json.loads(get(made, "/status").body)["verdict"]["alone"] == {"pid": os.getpid(), "processes": 2}


def test_before_the_first_pair_of_a_process_there_is_no_evidence():
    made = make(tallies=Tallies(["http://b:2"]), mounting=UNDER_A_SERVER, pending=True)
    found = json.loads(get(made, "/status").body)["verdict"]
    assert (found["error"], found["judge"]["state"], found["age"]) == (None, "starting", None)
    answer = get(made, "/verdict")
    assert (answer.status, answer.body) == (503, "no pair of answers has been compared yet\n")


def test_a_verdict_that_cannot_be_read_is_said(tmp_path):
    tallies = Tallies(["http://b:2"])
    found = json.loads(get(make(evidence=str(tmp_path / "nowhere"), tallies=tallies), "/status").body)
    assert found["verdict"]["error"] == f"{tmp_path}/nowhere: no such directory"
    assert (found["verdict"]["judge"]["state"], found["verdict"]["age"]) == ("starting", None)


def test_status_has_the_recording_if_there_is_one(tmp_path):
    assert json.loads(get(make(), "/status").body)["recording"] is None
    made = make(settings=["-record", str(tmp_path), "-record.max-bytes", "1000"])
    made.ledger.recording.account(0).refused("filtered")
    (tmp_path / "one.000001.rec").write_bytes(bytes(500))
    found = json.loads(get(made, "/status").body)["recording"]
    assert (found["directory"], found["seen"], found["not_recorded_by_reason"]) == (str(tmp_path), 1, {"filtered": 1})
    assert (found["files"], found["bytes"], found["fill"], found["error"]) == (1, 500, 0.5, "")
    assert found["eta"] is not None  # it has grown from nothing since the start
    (tmp_path / "one.000001.rec").write_bytes(bytes(1500))
    assert json.loads(get(made, "/status").body)["recording"]["eta"] is None
