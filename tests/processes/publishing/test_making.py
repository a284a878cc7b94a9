import subprocess
import sys

from httptee.build import build_ledger, build_tallies
from httptee.processes.publishing import make_publisher
from httptee.settings import load
from httptee.verdict.fleet import Publisher
from httptee.verdict.judge import Pace
from tests.support.net import free_port


def test_a_publisher_is_made_without_a_connection(tmp_path):
    address = f"redis://127.0.0.1:{free_port()}/verdict"
    settings = load(["-a", "http://a:1", "-b", "http://b:2", "-verdict", address], {})
    ledger, tallies = build_ledger(settings), build_tallies(settings)
    make = make_publisher(settings, ledger, tallies, str(tmp_path / "outbox"), "tee-1")
    assert isinstance(make(None, Pace(0.5), lambda: False), Publisher)


def test_a_tee_that_is_alone_imports_nothing_of_it():
    code = "import sys, httptee.commands.run; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "httptee.verdict.judge" in loaded
    heavy = ("httptee.verdict.fleet", "httptee.journal.engines.redis_engine", "redis", "confluent_kafka")
    assert [name for name in heavy if name in loaded] == []
