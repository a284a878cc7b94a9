"""The load: wrk, or hey, for so many seconds on so many connections, and what they print."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .processes import BenchError, program

# One thread: on a machine of few cores a second one would take turns with the tee it measures.
WRK_THREADS = 1
TIMEOUT = 10

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
    """One kind of request. `connections` is set where the case is measured at a number of its own."""

    key: str
    title: str
    path: str
    body: int = 0
    connections: int | None = None

    @property
    def method(self) -> str:
        """The method; what has a body is posted."""
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
    """What the load saw. Latencies are in microseconds; an error is a status from 400 up or a failed connection."""

    requests: int
    seconds: float
    p50: float
    p99: float
    errors: int

    @property
    def rate(self) -> float:
        """Answered requests a second."""
        return self.requests / self.seconds if self.seconds else 0.0


def parse_wrk(text: str) -> Outcome:
    """The outcome out of what the script above printed."""
    found = re.search(r"^RESULT (\d+) (\d+) (\S+) (\S+) (\d+)$", text, re.MULTILINE)
    if found is None:
        raise BenchError(f"wrk printed no result: {text.strip()[-200:]!r}")
    requests, duration, p50, p99, errors = found.groups()
    # wrk counts an answer with a status from 400 up among the requests and among the errors.
    return Outcome(int(requests), int(duration) / 1e6, float(p50), float(p99), int(errors))


def parse_hey(text: str) -> Outcome:
    """The outcome out of hey's summary."""
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
    """A load generator; `directory` keeps its scripts and bodies."""

    tool: str
    directory: Path

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
        """Put the load on `url` and return what came of it."""
        make, parse = (self._wrk, parse_wrk) if self.tool == "wrk" else (self._hey, parse_hey)
        return parse(finish(make(url, case, connections, seconds), seconds + TIMEOUT + 20))


def finish(argv: list[str], seconds: float) -> str:
    """What a program prints, once it has ended."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{Path(argv[0]).name} did not end within {seconds:g} s") from error
    return done.stdout + done.stderr
