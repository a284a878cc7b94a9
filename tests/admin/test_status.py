import json

from httptee.ledger.columns import IS_OPEN
from httptee.settings.config import load
from httptee.settings.options import OPTIONS
from tests.admin.page import get, make, with_worker


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
    made.ledger.worker(0).client_gone()
    found = json.loads(get(made, "/status").body)
    assert found["workers"] == [
        {
            "row": 0,
            "pid": 41,
            "core": 0,
            "started": 1_700_000_000,
            "draining": False,
            "connections": 5,
            "in_flight": 3,
            "held_bytes": 0,
            "share": 1.0,
        }
    ]
    assert found["started"] == 1_700_000_000.0
    assert found["uptime"] > 0
    assert (found["a"]["url"], found["a"]["answered"]) == ("http://a:1", 1)
    assert (found["a"]["errors_by_reason"], found["a"]["check"]) == ({"reset": 1}, None)
    assert found["a"]["client_gone"] == 1
    assert found["a"]["in_flight"] == 3
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
    }
    assert list(found["settings"]) == [option.name for option in OPTIONS]
    assert found["settings"]["b"] == ["http://b:2", "http://b:2"]
    assert found["settings"]["b.methods"] == "^GET$"
    assert found["settings"]["a.timeout"] == 2500


def test_a_b_that_a_reload_removed_has_no_line():
    made = make()
    made.admin._settings = load(["-b", "http://b:2 name=other"], {})
    assert [each["line"] for each in json.loads(get(made, "/status").body)["b"]] == [None, None]
