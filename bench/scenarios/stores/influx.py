"""InfluxDB writes, direct and through a tee: one client with one point in each request.

With one client the time of each request is the whole rate, so a tee costs most here.
"""

from __future__ import annotations

import argparse
import http.client
import json
import urllib.parse
from dataclasses import dataclass

from ...errors import BenchError
from ...programs.load import Outcome
from ...programs.processes import Process, free_port, program
from ...programs.subjects import Subject, running
from ...programs.workspace import Workspace
from ...reports.figures import Json, Sample
from ...reports.lookups import ratio
from ...reports.tables import TIMES
from ...reports.targets import Target
from ..rounds import Stage, interleaved, stages_of
from ..sampling import rate, rate_table, sample
from ..scenario import Result, Scenario, Setup, add_setup

POINT = "weather,station=one temperature=21.5"
WRITE = "/write?db=bench"
TITLE = "InfluxDB writes, 1 connection"
DEFAULT = ["direct", "nginx", "httptee"]
TARGETS = (Target(f"InfluxDB writes, {TIMES} direct", "influx", ratio(TITLE, "rate", "direct"), 0.6),)

# The package's defaults, with other directories and ports, and without reports and monitoring.
CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
"""


@dataclass(frozen=True)
class Influx:
    """A running influxd."""

    process: Process
    port: int

    def ask(self, method: str, path: str) -> bytes:
        """The body of the answer to a request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise BenchError(f"influxd answers {answer.status} to {path}")
        return body

    def count(self) -> int:
        """The number of writes that it got."""
        return writes(json.loads(self.ask("GET", "/debug/vars")))


def writes(variables: Json) -> int:
    """The number of writes in influxd's own statistics."""
    return sum(
        int(one["values"].get("writeReq", 0))
        for one in variables.values()
        if isinstance(one, dict) and one.get("name") == "httpd"
    )


def start_influx(workspace: Workspace, role: str) -> Influx:
    """Start an influxd with an empty database."""
    name = f"influx-{role}"
    directory = workspace.subdirectory(name)
    port = free_port()
    config = directory / "influxdb.conf"
    config.write_text(CONFIG.format(directory=directory, port=port, rpc=free_port()), encoding="ascii")
    process = workspace.start(name, [program("influxd"), "-config", str(config)], directory=directory)
    process.wait_ready(port, "/ping", 30)
    server = Influx(process, port)
    server.ask("POST", "/query?" + urllib.parse.urlencode({"q": "CREATE DATABASE bench"}))
    return server


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_setup(parser, ",".join(DEFAULT))


def run(options: argparse.Namespace) -> Result:
    """Measure every subject in interleaved rounds."""
    setup = Setup.of(options, DEFAULT)

    def measured(stage: Stage[Influx], title: str, subject: Subject) -> Sample:
        def apply(url: str, seconds: int) -> Outcome:
            return stage.load.hey(url + WRITE, 1, seconds, "-m", "POST", "-d", POINT)

        with running(stage.workspace, subject, stage.a.port, stage.b.port, "/ping") as tee:
            return sample(apply, tee, setup.plan, stage.a, stage.b if subject.starter else None)

    with stages_of(start_influx, setup.arranged, "hey") as ready:
        taken = interleaved(setup.plan.rounds, ready, [TITLE], setup.subjects, measured, str, rate)
    tables = [rate_table(TITLE, sessions, TITLE, setup.subjects, taken, ["direct"]) for sessions in setup.arranged]
    return Result(tables, setup.settings(load="hey"))


SCENARIO = Scenario("influx", "InfluxDB writes, direct and through the tees", add_arguments, run, TARGETS)
