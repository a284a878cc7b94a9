import pytest

from httptee.commands.cli import main
from httptee.commands.judge import command as module
from httptee.verdict.fleet.document import encoded
from tests.support.engine import MemoryEngine
from tests.verdict.fleet.fakes import tee


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in ("HTTPTEE_CONFIG", "HTTPTEE_B", "HTTPTEE_VERDICT"):
        monkeypatch.delenv(name, raising=False)


def test_the_usage_is_printed(capsys):
    assert main(["judge", "-h"]) == 0
    assert capsys.readouterr().out.startswith("usage: httptee judge")


def test_a_tee_is_forgotten(monkeypatch, capsys):
    engine = MemoryEngine()
    for run in ("first", "second"):
        one = tee("tee-1", run)
        engine.put(one.name, encoded(one))
    other = tee("tee-12")
    engine.put(other.name, encoded(other))
    monkeypatch.setattr(module, "open_engine", lambda _: engine)
    assert main(["judge", "--from", "redis://h/t", "--forget", "tee-1"]) == 0
    assert capsys.readouterr().out == "2 runs of tee-1 are forgotten\n"
    assert [name for name, data in engine.documents("tee/").items() if data] == [other.name]
    assert engine.closed


def test_an_engine_that_is_down_is_said(monkeypatch, capsys):
    engine = MemoryEngine()
    engine.unavailable = "redis://h/t: connection refused"
    monkeypatch.setattr(module, "open_engine", lambda _: engine)
    assert main(["judge", "--from", "redis://h/t", "--forget", "tee-1"]) == 4
    assert capsys.readouterr().err == "httptee: redis://h/t: connection refused\n"


@pytest.mark.parametrize("name", ["open_engine", "make_central"])
def test_a_library_that_is_missing_is_said_in_one_line(name, monkeypatch, capsys, tmp_path):
    def missing(*_):
        raise ValueError("pip install 'httptee[redis]'")

    monkeypatch.setattr(module, name, missing)
    forget = ["--forget", "tee-1"] if name == "open_engine" else []
    words = ["-b", "http://b", "--evidence", str(tmp_path), *forget]
    assert main(["judge", "--from", "redis://h/t", *words]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("httptee: --from: pip install 'httptee[redis]'")
