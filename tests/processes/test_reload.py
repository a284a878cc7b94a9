"""What a reload begins with."""

from httptee.errors import ConfigError
from httptee.http.endpoint import Endpoint, Listen
from httptee.processes.reload import reread
from httptee.settings.settings import Settings

SETTINGS = Settings(processes=2, pin=False, a=Endpoint.parse("127.0.0.1:1"), drain_timeout=0.2)


def test_a_reload_that_raises_changes_nothing_and_says_why_in_a_line(caplog):
    def load():
        raise ConfigError("the file\nis wrong")

    assert reread(load, SETTINGS) is None
    assert [record.getMessage() for record in caplog.records] == ["reload refused, nothing changes: the file is wrong"]


def test_a_reload_keeps_the_listening_address_and_says_so(caplog):
    current = Settings(listen=Listen("127.0.0.1", 1))
    found = reread(lambda: Settings(listen=Listen("127.0.0.1", 2), threads=7), current)
    assert found is not None
    settings, tls, read, _ = found
    assert (tls, read.listen, read.threads) == (None, current.listen, 7)
    assert (settings.listen, settings.threads) == (current.listen, 7)
    assert "needs a restart" in caplog.text


def test_a_reload_keeps_the_pid_file_and_says_so(caplog):
    current = Settings(pid_file="/run/one.pid")
    found = reread(lambda: Settings(pid_file="/run/two.pid"), current)
    assert found is not None
    assert (found.settings.pid_file, found.read.pid_file) == ("/run/one.pid", "/run/one.pid")
    assert "a new -pid-file needs a restart: /run/one.pid stays" in caplog.text
