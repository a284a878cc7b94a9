"""The load generators wrk and hey, and the bench's own at a fixed rate: command lines, and figures in their output."""

from __future__ import annotations

import json
import re
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path

from ..errors import BenchError
from .processes import ROOT, finish, program
from .sessions import Sessions

# One thread: on a machine with few cores a second one takes CPU time from the tee.
WRK_THREADS = 1
TIMEOUT = 10
"""Seconds without an answer after which a request counts as an error."""

WRK_SCRIPT = """\
wrk.method = "{method}"
{body}
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %d %.1f %.1f %d\\n", summary.requests, summary.duration,
        latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Case:
    """One kind of request. `connections` is set for a case with a fixed number of connections."""

    key: str
    title: str
    path: str
    body: int = 0
    connections: int | None = None

    @property
    def method(self) -> str:
        """POST for a case with a body, else GET."""
        return "POST" if self.body else "GET"


CASES = {
    case.key: case
    for case in (
        Case("get", "GET small", "/"),
        Case("post1k", "POST 1 KiB", "/post", body=1024),
        Case("post100k", "POST 100 KiB", "/post", body=100 * 1024, connections=16),
        Case("get1m", "GET 1 MiB", "/large", connections=8),
    )
}


@dataclass(frozen=True)
class Outcome:
    """The load's own figures. Latencies are in µs; `p90` and `p999` are 0 where the load does not tell them. An error
    is a status from 400 up or a failed connection."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int
    p90: float = 0.0
    p999: float = 0.0

    @property
    def rate(self) -> float:
        """Answered requests each second."""
        return self.requests / self.seconds if self.seconds else 0.0


def parse_wrk(text: str) -> Outcome:
    """The outcome from the output of the script above."""
    found = re.search(r"^RESULT (\d+) (\d+) (\S+) (\S+) (\d+)$", text, re.MULTILINE)
    if found is None:
        raise BenchError(f"wrk printed no result: {text.strip()[-200:]!r}")
    requests, duration, p50, p99, errors = found.groups()
    # wrk counts an answer with a status from 400 up as a request and as an error.
    return Outcome(int(requests), int(duration) / 1e6, float(p50), float(p99), int(errors))


def parse_hey(text: str) -> Outcome:
    """The outcome from hey's summary."""
    total = re.search(r"Total:\s+(\S+) secs", text)
    if total is None:
        raise BenchError(f"hey printed no result: {text.strip()[-200:]!r}")
    percentiles = {int(p): float(s) * 1e6 for p, s in re.findall(r"^\s*(\d+)%+ in (\S+) secs", text, re.MULTILINE)}
    statuses = [(int(s), int(n)) for s, n in re.findall(r"^\s*\[(\d+)\]\s+(\d+) responses", text, re.MULTILINE)]
    _, _, failures = text.partition("Error distribution:")
    failed = sum(int(n) for n in re.findall(r"^\s*\[(\d+)\]", failures, re.MULTILINE))
    return Outcome(
        requests=sum(number for _, number in statuses),
        seconds=float(total[1]),
        p50=percentiles.get(50, 0.0),
        p99=percentiles.get(99, 0.0),
        errors=failed + sum(number for status, number in statuses if status >= 400),
    )


@dataclass(frozen=True)
class Load:
    """A load generator. Its scripts and bodies are in `directory`."""

    tool: str
    directory: Path
    sessions: Sessions = Sessions.ONE

    def _body(self, size: int) -> Path:
        path = self.directory / f"body-{size}"
        if not path.exists():
            path.write_bytes(b"x" * size)
        return path

    def _wrk(self, url: str, case: Case, connections: int, seconds: int) -> list[str]:
        script = self.directory / f"{case.key}.lua"
        if not script.exists():
            body = f'wrk.body = string.rep("x", {case.body})\n' if case.body else ""
            script.write_text(WRK_SCRIPT.format(method=case.method, body=body), encoding="ascii")
        threads = min(WRK_THREADS, connections)
        return [
            program("wrk"), f"-t{threads}", f"-c{connections}", f"-d{seconds}s", f"--timeout={TIMEOUT}s",
            "-s", str(script), url + case.path,
        ]  # fmt: skip

    def _hey(self, url: str, case: Case, connections: int, seconds: int) -> list[str]:
        argv = [program("hey"), "-z", f"{seconds}s", "-c", str(connections), "-t", str(TIMEOUT), "-m", case.method]
        if case.body:
            argv += ["-D", str(self._body(case.body))]
        return [*argv, "-disable-compression", "-disable-redirects", url + case.path]

    def run(self, url: str, case: Case, connections: int, seconds: int) -> Outcome:
        """Put the load on `url`."""
        make, parse = (self._wrk, parse_wrk) if self.tool == "wrk" else (self._hey, parse_hey)
        return parse(finish(make(url, case, connections, seconds), seconds + TIMEOUT + 20, self.sessions))

    def hey(self, url: str, connections: int, seconds: int, *options: str) -> Outcome:
        """Put hey's load on `url`, whatever the tool of the other measurements is."""
        argv = [program("hey"), "-z", f"{seconds}s", "-c", str(connections), *options, url]
        return parse_hey(finish(argv, seconds + TIMEOUT + 20, self.sessions))

    def paced(self, url: str, rate: int, seconds: float, connections: int = 0, path: str = "/") -> Outcome:
        """Small GETs at a fixed rate, from `clients/paced_load.py`, on so many connections in turn, or on few. Each
        latency counts from the time it was due."""
        return self._own("paced_load", url, str(rate), str(seconds), str(connections), path, seconds=seconds)

    def writes(self, url: str, rate: int, seconds: float, first: int) -> Outcome:
        """InfluxDB writes at a fixed rate, from `clients/paced_writes.py`. `first` is the number of the first point."""
        return self._own("paced_writes", url, str(rate), str(seconds), str(first), seconds=seconds)

    def bodies(self, url: str, rate: int, seconds: float, connections: int) -> Outcome:
        """Numbered requests with bodies at a fixed rate, from `clients/paced_bodies.py`, on connections in turn."""
        return self._own("paced_bodies", url, str(rate), str(seconds), str(connections), seconds=seconds)

    def _own(self, name: str, url: str, *words: str, seconds: float) -> Outcome:
        port = urllib.parse.urlsplit(url).port
        argv = [sys.executable, "-m", f"bench.programs.clients.{name}", str(port), *words]
        # A request that is stalled at the end is waited for, and others may have waited for its connection.
        text = finish(argv, seconds + 6 * TIMEOUT, self.sessions, {"PYTHONPATH": str(ROOT)})
        try:
            return Outcome(**json.loads(text))
        except (ValueError, TypeError):
            raise BenchError(f"the load at a fixed rate printed no result: {text.strip()[-200:]!r}") from None
