"""What was set aside."""

from httptee.spool import aside as module
from httptee.spool.aside import Aside
from httptee.spool.record import decode, encode

from .spools import a_request

CLONE = decode(encode(a_request(7), "lane"))


def test_a_request_is_kept_and_removed(tmp_path):
    aside = Aside(tmp_path)
    assert len(aside) == 0
    assert aside.add("run-01-7", "500", 12.5, CLONE)
    (found,) = aside.all()
    assert (found.spool_id, found.said, found.came, found.clone) == ("run-01-7", "500", 12.5, CLONE)
    assert aside.get("run-01-7") == found
    assert aside.get("none") is None
    aside.remove("run-01-7")
    assert aside.all() == []


def test_the_oldest_make_room(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST", 3)
    aside = Aside(tmp_path)
    for number in range(5):
        aside.add(f"run-01-{number}", "500", 0.0, CLONE)
    assert [one.spool_id for one in aside.all()] == ["run-01-2", "run-01-3", "run-01-4"]


def test_a_disk_that_takes_nothing_costs_the_copy_only(tmp_path):
    (tmp_path / "aside").touch()
    assert not Aside(tmp_path).add("run-01-1", "500", 0.0, CLONE)
