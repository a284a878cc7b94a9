import sqlite3

import pytest

from httptee.verdict.evidence import Evidence, Unreadable, read_pair, read_verdict
from httptee.verdict.evidence.database import FILE
from tests.verdict.evidence.made import PRICE, pair, report


@pytest.fixture
def evidence(tmp_path):
    made = Evidence(str(tmp_path), clock=lambda: 1234.5)
    yield made
    made.close()


def test_before_the_first_report_it_is_not_yet(evidence, tmp_path):
    found = read_verdict(str(tmp_path))
    assert (found["word"], found["reports"], found["at"]) == ("NOT YET", [], None)


def test_the_reports_are_read_with_their_time_and_place(evidence, tmp_path):
    evidence.publish([report("YES"), report("NO", "c")], rules=["x"])
    found = read_verdict(str(tmp_path))
    assert (found["word"], found["at"], found["directory"]) == ("NO", 1234.5, str(tmp_path))
    assert found["rules"] == ["x"]
    assert [one["backend"] for one in found["reports"]] == ["b", "c"]


def test_the_latest_reports_replace_all_others(evidence, tmp_path):
    evidence.publish([report("NO"), report("NO", "c")])
    evidence.publish([report("YES")])
    assert read_verdict(str(tmp_path))["word"] == "YES"


def test_a_pair_is_read(evidence, tmp_path):
    evidence.add(pair(5), [PRICE])
    evidence.flush()
    assert read_pair(str(tmp_path), 5).found == (PRICE,)
    assert read_pair(str(tmp_path), 6) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"reports": 3}', "", "[" * 100_000])
def test_damaged_reports_are_unreadable(evidence, tmp_path, text):
    evidence.publish([report()])
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE documents SET value = ?", (text,))
    connection.close()
    with pytest.raises(Unreadable):
        read_verdict(str(tmp_path))


def test_it_can_be_read_after_the_writer_has_ended(evidence, tmp_path):
    evidence.publish([report()])
    evidence.close()
    assert read_verdict(str(tmp_path))["word"] == "NO"
