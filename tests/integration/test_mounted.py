"""Under gunicorn and waitress-serve: what counts, what is warned of, and how it ends."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from httptee.settings.effective import IGNORED
from httptee.settings.options import BY_NAME
from tests.support.backend import Backend
from tests.support.client import ask
from tests.support.ledger import parse
from tests.support.net import eventually, free_port
from tests.support.process import Program
from tests.support.programs import mounted

pytestmark = pytest.mark.integration

SERVERS = {
    "gthread": ("gunicorn", "--worker-class=gthread", "--threads=4"),
    "sync": ("gunicorn", "--worker-class=sync"),
    "preload": ("gunicorn", "--preload", "--workers=2"),
    "waitress": ("waitress",),
}
A_LINE = r" A answered=(\d+) \(200=(\d+)\) errors=0 refused=0 client_gone=0 log_dropped=0 unobserved=0$"


def effective(directory: Path) -> dict[str, str]:
    """Every option that has an effect there, switched on, in the environment."""
    values = {
        "a.rewrite": "true",
        "a.timeout": "20000",
        "a.idle-timeout": "20000",
        "a.keep-alive": "20000",
        "b.percent": "100",
        "b.rewrite": "true",
        "b.timeout": "20000",
        "b.keep-alive": "20000",
        "b.workers": "3",
        "b.chanSize": "50",
        "b.methods": "^(GET|POST)$",
        "b.max-body": "1000",
        "b.max-bytes": "1000000",
        "b.breaker-failures": "3",
        "b.probe-interval": "100",
        "b.when-a-fails": "drop",
        "b.cutoff": "20000",
        "dns.ttl": "1000",
        "forward-client-ip": "true",
        "x-forwarded": "true",
        "trusted-proxies": "127.0.0.1",
        "close-connections": "true",
        "no-via": "true",
        "allow-same": "true",
        "debug": "true",
        "threads": "4",
        "max-request-body": "100000",
        "max-response-fields": "100",
        "max-response-header": "100000",
        "drain-timeout": "20000",
        "admin": f"127.0.0.1:{free_port()}",
        "socket-mode": "600",
        "access-log": str(directory / "access.log"),
        "access-log-format": "json",
        "log-format": "text",  # the default: the assertions read the ledger's lines
        "request-id-header": "X-Request-Id",
        "client-subject-header": "X-Subject",
        "verdict": str(directory / "verdict"),
        "verdict.rate": "250",
        "verdict.delta": "1",
        "verdict.repeat": "1",
        "verdict.keep": "values",
        "verdict.max-body": "1000",
        "verdict.max-bytes": "1000000",
        "verdict.max-age": "1h",
        "verdict.reset": "true",
        "record": str(directory / "recording"),
        "record.percent": "100",
        "record.only": "path=/*",
        "record.max-body": "1000",
        "record.max-bytes": "10000000",
        "record.max-age": "1h",
        "record.min-free": "0",
        "record.compress": "zstd",
        "record.secret": "pin iban",
        "record.keep-secrets": "true",
        "outbox": str(directory / "outbox"),
        "a.insecure": "true",
        "a.server-name": "a.test",
        "b.insecure": "true",
        "b.server-name": "b.test",
    }
    with_files = {f"{name}.{file}" for name in "ab" for file in ("ca", "cert", "key")}  # only for https
    with_peers = {
        "a.send-proxy",
        "a.check",
        "socket-owner",
    }  # have tests of their own
    assert values.keys() | with_files | with_peers | {"a", "b"} | set(IGNORED) == {
        option.name for option in BY_NAME.values()
    }
    return {BY_NAME[name].environment: value for name, value in values.items()}


@pytest.mark.parametrize("server", SERVERS)
def test_every_option_that_has_an_effect_may_be_on_and_the_ledger_is_exact(server: str, tmp_path: Path) -> None:
    kind, *options = SERVERS[server]
    with Backend() as a, Backend() as b:
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, **effective(tmp_path)}
        with mounted(kind, env, *options) as (port, program):
            for each in range(20):
                assert ask(port, "POST", f"/{each}?q", body=b"x" * each).status == 200
            # the clones that B has answered must be settled: a stop may come before that
        assert a.bodies() == b.bodies(), program.output
        assert len(a.requests) == 20
        output = program.output
        assert f"sending to A: {a.url} and B: [{b.url}], version " in output
        assert "ignored" not in output
        assert sum(int(found[1]) for found in re.finditer(A_LINE, output, re.MULTILINE)) == 20
        ledgers = parse(output)
        for ledger in ledgers:
            ledger.check()
        assert sum(ledger.delivered for ledger in ledgers) == sum(ledger.seen for ledger in ledgers) == 20
        assert (tmp_path / "access.log").read_text().count('"outcome":"delivered"') == 20


@pytest.mark.parametrize("server", ["sync", "waitress"])
def test_options_without_an_effect_are_named_in_one_line(server: str) -> None:
    kind, *options = SERVERS[server]
    given = {"HTTPTEE_PROCESSES": "1", "HTTPTEE_CONTROL": "/c", "HTTPTEE_L": ":8888", "HTTPTEE_CERT_FILE": "/no/file"}
    with Backend() as a, mounted(kind, {"HTTPTEE_A": a.url, **given}, *options) as (port, program):
        assert ask(port).status == 200
    named = r"ignored, because another server runs the tee: -l, -processes, -control, -cert\.file$"
    assert len(re.findall(named, program.output, re.MULTILINE)) == 1


INVALID = {
    "a value": ({"HTTPTEE_B_TIMEOUT": "soon"}, "HTTPTEE_B_TIMEOUT: must be a whole number"),
    "a file": ({"HTTPTEE_CONFIG": "/nowhere/httptee.ini"}, "/nowhere/httptee.ini"),
    "a B that is A": ({"HTTPTEE_B": "localhost:8080"}, "is A: every request would reach it twice"),
    "an authority": ({"HTTPTEE_A_CA": "/nowhere/ca.pem"}, "-a.ca: cannot read /nowhere/ca.pem"),
    "a log": ({"HTTPTEE_ACCESS_LOG": "/nowhere/log"}, "cannot write /nowhere/log (-access-log)"),
}


@pytest.mark.parametrize("case", INVALID)
@pytest.mark.parametrize("server", SERVERS)
def test_invalid_settings_end_the_server_with_one_line(server: str, case: str, tmp_path: Path) -> None:
    kind, *options = SERVERS[server]
    env, said = INVALID[case]
    output = failed(kind, {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), **env}, *options)
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if line.startswith("httptee: ")]
    assert said in lines[0]
    assert len(lines) <= 2  # one for each of gunicorn's worker processes that had begun
    assert output.count("Booting worker") <= 2


def failed(kind: str, env: Mapping[str, str], *options: str) -> str:
    bind = "--bind" if kind == "gunicorn" else "--listen"
    command = [sys.executable, "-m", kind, f"{bind}=127.0.0.1:{free_port()}", *options, "httptee.wsgi:application"]
    return Program(command, env=env).wait(code=4)


def test_waitress_serve_drains_at_sigterm_too(tmp_path: Path) -> None:
    with Backend() as a, Backend() as b:
        port = free_port()
        command = [sys.executable, "-m", "waitress", f"--listen=127.0.0.1:{port}", "httptee.wsgi:application"]
        program = Program(command, env={"HTTPTEE_A": a.url, "HTTPTEE_B": b.url})
        program.wait_for_line("Serving on")
        assert ask(port).status == 200
        eventually(lambda: len(b.requests) == 1, "the clone")
        (ledger,) = parse(program.stop(signal.SIGTERM, code=None))
        assert (ledger.seen, ledger.delivered) == (1, 1)
