"""TLS in front: requests a second over connections that stay, and full handshakes a second; httptee beside nginx.

What is large, and who never comes to an end, is in `tls_extremes`.
"""

from __future__ import annotations

import ssl
import statistics
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from ..programs import measure
from ..programs.backends import Backend, nginx_command, settle, start_backend
from ..programs.load import CASES, TIMEOUT, Load, finish, parse_hey
from ..programs.processes import BenchError, NotStartedError, Process, Workspace, free_port, program
from ..programs.subjects import NGINX_FRONT, NGINX_LOCATION_B, NGINX_UPSTREAM_B, ROOT, Command, address
from ..reports.figures import Json, percent
from ..reports.report import TIMES
from . import tls_extremes
from .tees import Plan, progress

CONNECTIONS = 32
KEEP_ALIVE = f"GET small over TLS, {CONNECTIONS} connections"
HANDSHAKES = "full handshakes with one request each"
KEYS = {
    "P-256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "RSA 2048": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
}
"""What the certificates sign with."""
NAMES = ("nginx", "httptee")
# The protocols are nginx's own default from 1.23.4 on. An older one leaves TLS 1.3 out, whose handshakes cost more.
NGINX_TLS = """listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {certificate}; ssl_certificate_key {certificate};
        ssl_protocols TLSv1.2 TLSv1.3;"""


@dataclass(frozen=True)
class Figures:
    """One run: how many a second, CPU µs for each, and the share of clones that B got."""

    rate: float
    cpu: float
    delivered: float


def certificate(directory: Path, kind: str) -> Path:
    """A self-signed certificate with its key in one file."""
    path = directory / f"{kind.replace(' ', '-')}.pem"
    key, cert = directory / "key.pem", directory / "cert.pem"
    finish([program("openssl"), "genpkey", *KEYS[kind], "-out", str(key)], 60)
    finish([program("openssl"), "req", "-x509", "-key", str(key), "-subj", "/CN=localhost", "-days", "7",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", str(cert)], 60)  # fmt: skip
    path.write_bytes(key.read_bytes() + cert.read_bytes())
    return path


def command(workspace: Workspace, name: str, port: int, a: int, b: int, pem: Path) -> Command:
    """How to start one of them."""
    if name == "httptee":
        argv = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{port}", "-a", address(a), "-b", address(b)]
        return Command([*argv, "-cert.file", str(pem)], env={"PYTHONPATH": str(ROOT)})
    front = NGINX_FRONT.replace("listen 127.0.0.1:{port} backlog=4096;", NGINX_TLS)
    argv, directory = nginx_command(
        workspace, "nginx", front, port=port, a=a, certificate=pem, upstream_b=NGINX_UPSTREAM_B.format(b=b),
        mirror="mirror /mirror; mirror_request_body on;", location_b=NGINX_LOCATION_B,
    )  # fmt: skip
    return Command(argv, directory)


@contextmanager
def running(workspace: Workspace, name: str, a: int, b: int, pem: Path) -> Iterator[tuple[str, Process]]:
    """One of them, as long as the block runs: its URL and its process."""
    port = free_port()
    how = command(workspace, name, port, a, b, pem)
    process = workspace.start(name, how.argv, how.env, how.directory)
    url = f"https://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 15.0
        while not answers(url, pem):
            if time.monotonic() > deadline or not process.running:
                raise NotStartedError(process.last_words())
            time.sleep(0.05)
        yield url, process
    finally:
        workspace.end(process)


def answers(url: str, pem: Path) -> bool:
    """Whether a request over TLS is answered."""
    try:
        with urllib.request.urlopen(url, timeout=5, context=ssl.create_default_context(cafile=pem)) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def shake_hands(url: str, seconds: int) -> None:
    """Full handshakes with one request each, by hey: it keeps no session to resume."""
    argv = [program("hey"), "-z", f"{seconds}s", "-c", str(CONNECTIONS), "-disable-keepalive", url + "/"]
    outcome = parse_hey(finish(argv, seconds + TIMEOUT + 20))
    if outcome.errors:
        raise BenchError(f"{outcome.errors} of {outcome.requests} handshakes or requests failed")


def sample(name: str, apply: Callable[[], object], process: Process, a: Backend, b: Backend) -> Figures:
    """What `apply` brings about, counted by A and B."""
    b_before, a_before = settle(b), settle(a)
    cpu_before = measure.cpu_seconds(process.group)
    began = time.monotonic()
    apply()
    seconds = time.monotonic() - began
    b_count = settle(b) - b_before
    a_count = a.count() - a_before
    if not a_count:
        raise BenchError(f"{name} served nothing")
    cpu = (measure.cpu_seconds(process.group) - cpu_before) / a_count * 1e6
    return Figures(a_count / seconds, cpu, min(1.0, b_count / a_count))


def run(workspace: Workspace, load: Load, plan: Plan, mebibytes: int) -> list[Json]:
    """Measure everything and return the tables as they are written down."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    directory = workspace.subdirectory("certificates")
    pems = {kind: certificate(directory, kind) for kind in KEYS}
    cases: list[tuple[str, str, Callable[[str, int], object]]] = [
        (KEEP_ALIVE, "P-256", lambda url, seconds: load.run(url, CASES["get"], CONNECTIONS, seconds)),
        *((f"{HANDSHAKES}, {kind}", kind, shake_hands) for kind in KEYS),
    ]
    tables = []
    for title, kind, apply in cases:
        samples: dict[str, list[Figures]] = {name: [] for name in NAMES}
        for number in range(plan.rounds):
            for name in NAMES if number % 2 else reversed(NAMES):
                with running(workspace, name, a.port, b.port, pems[kind]) as (url, process):
                    if plan.warmup:
                        apply(url, plan.warmup)
                    got = sample(name, partial(apply, url, plan.seconds), process, a, b)
                samples[name].append(got)
                progress(f"round {number + 1} of {plan.rounds}: {title}: {name}: {got.rate:,.0f}/s, {got.cpu:.0f} µs")
        tables.append(table(title, samples))

    def start(name: str, to_a: int, to_b: int) -> AbstractContextManager[tuple[str, Process]]:
        return running(workspace, name, to_a, to_b, pems["P-256"])

    tables += tls_extremes.transfers(workspace, NAMES, start, plan, mebibytes)
    tables.append(tls_extremes.crowded(workspace, start, load, plan, CONNECTIONS))
    return tables


def table(title: str, samples: dict[str, list[Figures]]) -> Json:
    """Medians, and httptee's as multiples of nginx's."""
    rows: list[Json] = []
    for name, figures in samples.items():
        rows.append({
            "subject": name,
            "rate": statistics.median(each.rate for each in figures),
            "cpu": statistics.median(each.cpu for each in figures),
            "delivered": min(each.delivered for each in figures),
            "samples": [asdict(each) for each in figures],
        })  # fmt: skip
    base = rows[0]
    cells = [
        [
            row["subject"],
            f"{row['rate']:,.0f}", f"{row['rate'] / base['rate']:.2f}",
            f"{row['cpu']:,.0f}", f"{row['cpu'] / base['cpu']:.2f}",
            percent(row["delivered"]),
        ]
        for row in rows
    ]  # fmt: skip
    header = ["tee", "a second", f"{TIMES} nginx", "CPU µs each", f"{TIMES} nginx", "clones at B"]
    return {"title": title, "rows": rows, "header": header, "cells": cells}
