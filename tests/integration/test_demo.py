"""The demonstration needs nothing and shows everything."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import signal
import sys

import pytest

from tests.support.client import ask
from tests.support.ledger import parse
from tests.support.net import free_port, require
from tests.support.process import Program
from tests.support.programs import run

pytestmark = pytest.mark.integration


def test_the_demo_ends_well_and_prints_a_balanced_ledger_and_the_right_verdict() -> None:
    output = run([sys.executable, "-m", "httptee", "--demo"])
    ledgers = parse(output)
    assert ledgers, output
    for ledger in ledgers:
        ledger.check()
        assert ledger.seen >= 100
    assert "Traceback" not in output
    assert "ResourceWarning" not in output
    found = re.findall(r"^  (differs|noise) +body (\S+)  (\w+)", output, re.MULTILINE)
    assert sorted(found) == [
        ("differs", "$.currency", "missing"),
        ("differs", "$.price", "value"),
        ("noise", "$.request_id", "value"),
        ("noise", "$.served_at", "value"),
        ("noise", "$.sizes", "order"),
    ], output
    assert re.search(r"^NO +B new-shop: ", output, re.MULTILINE), output


def test_the_demo_stays_where_it_is_asked_to_and_its_curl_line_works() -> None:
    require("curl")
    with Program([sys.executable, "-m", "httptee", "--demo=serve"]) as program:
        line = program.wait_for_line(r"(curl\b.*http://\S+.*)$")[0][1]
        words = shlex.split(line)
        output = run([words[0], "--fail", "--silent", "--show-error", *words[1:]])
        assert output.strip()
        assert program.running
        output = program.stop(signal.SIGINT)
    assert "Traceback" not in output


def test_the_echo_backend_answers_with_what_it_received() -> None:
    port = free_port()
    with Program([sys.executable, "-m", "httptee.demo", "-p", str(port)]) as program:
        program.wait_for_line(str(port))
        got = ask(port, "POST", "/a%2Fb?c", [("X-Mine", "1")], b"a body")
        assert got.status == 200
        assert "json" in (got.value("Content-Type") or "")
        echo = json.loads(got.body)
        text = json.dumps(echo)
        for part in ("POST", "/a%2Fb?c", "X-Mine", "a body"):
            assert re.search(re.escape(part), text, re.IGNORECASE), echo
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            for _ in range(2):
                connection.request("GET", "/")
                with connection.getresponse() as response:
                    json.load(response)
        finally:
            connection.close()
        program.stop(signal.SIGINT, code=None)
