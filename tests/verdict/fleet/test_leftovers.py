import pytest

from httptee.journal.engines import Unavailable
from httptee.verdict.fleet.document import encoded
from httptee.verdict.fleet.leftovers import Leftovers
from tests.support.engine import MemoryEngine
from tests.verdict.fleet.fakes import tee


def test_the_last_document_of_a_run_waits_for_the_next_one(tmp_path):
    one, engine = tee(), MemoryEngine()
    Leftovers(tmp_path / "outbox").keep(one.run, encoded(one))
    engine.unavailable = "down"
    with pytest.raises(Unavailable):
        Leftovers(tmp_path / "outbox").put(engine)
    engine.unavailable = ""
    Leftovers(tmp_path / "outbox").put(engine)
    assert engine.documents("") == {one.name: encoded(one)}
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_damaged_one_is_removed(tmp_path):
    (tmp_path / "first.counts").write_bytes(b"nonsense")
    engine = MemoryEngine()
    Leftovers(tmp_path).put(engine)
    assert engine.documents("") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_written_is_said(tmp_path, caplog):
    (tmp_path / "file").write_bytes(b"")
    Leftovers(tmp_path / "file" / "outbox").keep("first", b"x")
    assert "is lost" in caplog.text
    Leftovers(tmp_path / "file" / "outbox").put(MemoryEngine())
