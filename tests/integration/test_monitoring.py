"""The alerts and the dashboard of etc/, held to promtool and to a real Prometheus that has scraped a tee under load."""

from __future__ import annotations

import json
import re
import signal
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.backend import Backend
from tests.support.net import eventually, free_port, refusing_port, require
from tests.support.process import Program, clean_environment
from tests.support.scripts import response
from tests.support.tee import Tee
from tests.support.tls import Authority
from tests.support.wire import Request

ROOT = Path(__file__).parent.parent.parent
DASHBOARD = json.loads((ROOT / "etc" / "grafana.json").read_text(encoding="utf-8"))
ALERTS = ROOT / "etc" / "alerts.yml"
CASES = ROOT / "tests" / "support" / "alerts_test.yml"
NOTHING = re.compile(r"log_dropped|unobserved|client_gone")
"""What does not happen under this load. All other rates must be more than 0."""

pytestmark = pytest.mark.integration

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


def promtool(*words: str) -> None:
    done = subprocess.run(
        [require("promtool"), *words],
        cwd=CASES.parent,
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_are_valid_and_each_fires_where_it_should_and_only_there() -> None:
    promtool("check", "rules", str(ALERTS))
    promtool("test", "rules", str(CASES))
    cases = CASES.read_text(encoding="utf-8")
    for name in re.findall(r"- alert: (\w+)", ALERTS.read_text(encoding="utf-8")):
        assert f"name: {name} fires" in cases
        assert f"name: {name} is quiet" in cases


def test_the_alerts_and_the_dashboard_name_only_metrics_that_are_documented() -> None:
    page = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
    used = set(re.findall(r"\bhttptee_[a-z_]+", ALERTS.read_text(encoding="utf-8") + " ".join(queries())))
    for name in used - {"httptee_primary_seconds_bucket", "httptee_shadow_seconds_bucket"}:
        assert re.search(rf"`{name}[`{{]", page), name


def queries() -> list[str]:
    """Every query of the dashboard, that of the variable and of the annotation included."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    return [*found, *(one["expr"] for one in DASHBOARD["annotations"]["list"])]


def a(request: Request) -> bytes:
    if request.target == "/nonsense":
        return b"nonsense\r\n\r\n"
    return response("200 OK", b'{"price": 1}', [("Content-Type", "application/json")])


def b(request: Request) -> bytes:
    return response("200 OK", b'{"price": 2}', [("Content-Type", "application/json")])


@contextmanager
def prometheus(root: Path, target: int) -> Iterator[str]:
    """A Prometheus that scrapes an admin listener each second; its address."""
    port = free_port()
    config = root / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{ALERTS}]\n"
        f"scrape_configs: [{{job_name: httptee, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    )
    words = [
        f"--config.file={config}",
        f"--storage.tsdb.path={root / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with Program([require("prometheus"), *words]) as program:
        program.wait_for_line("Server is ready")
        yield f"http://127.0.0.1:{port}"


def ask(server: str, query: str) -> list[float]:
    """The values that a query finds at this moment."""
    filled = query.replace("$instance", ".*").replace("$__rate_interval", "20s").replace("$__interval", "30s")
    data = urllib.parse.urlencode({"query": filled}).encode()
    with _open(f"{server}/api/v1/query", data=data, timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    assert found["status"] == "success", query
    return [float(one["value"][1]) for one in found["data"]["result"]]


def visit(url: str, times: int) -> None:
    """Requests over TLS, in any order of results."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    for _ in range(times):
        try:
            with opener.open(url, timeout=20) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()


def test_every_query_of_the_dashboard_finds_data_in_a_prometheus_that_scraped_a_tee_under_load(tmp_path: Path) -> None:
    certificate = Authority(tmp_path).issue()
    with Backend(a) as primary, Backend(b) as canary, refusing_port() as nobody:
        words = ["-a", primary.url, "-processes", "2", "-no-pin", "-cert.file", certificate]
        words += ["-b", f"{canary.url} name=canary", "-b", f"http://127.0.0.1:{nobody} name=dead"]
        words += ["-b", f"{canary.url} name=some percent=50", "-verdict", "memory", "-allow-same"]
        with Tee(*words, "-admin", "127.0.0.1:0", "-control", str(tmp_path / "control")) as tee:
            port = int(tee.program.wait_for_line(r"Admin listener at \S+:(\d+)$")[0][1])
            with prometheus(tmp_path, port) as server:
                missing: list[str] = []

                def complete() -> bool:
                    for target in ("/x", "/x", "/nonsense", "/" + "y" * 70_000):
                        visit(tee.url + target, 5)
                    missing[:] = [query for query in queries() if not enough(query, ask(server, query))]
                    # The query of the annotation finds a reload, once there was one.
                    if len(missing) == 1 and "reload" in missing[0] and not reloaded:
                        reloaded.append(tee.program.send_signal(signal.SIGHUP))
                    return not missing

                reloaded: list[None] = []
                try:
                    eventually(complete, "data for every query", 60)
                finally:
                    print("\n".join(missing))


def enough(query: str, values: list[float]) -> bool:
    """Whether there is a value, and a rate that is more than 0."""
    happens = "rate(" in query and not NOTHING.search(query)
    return any(value == value and (value > 0 or not happens) for value in values)
