"""TLS at its extremes: a large body either way, and a crowd that never comes to the end of its handshake."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..programs import measure
from ..programs.backends import start_backend
from ..programs.load import CASES, Load, finish
from ..programs.processes import BenchError, Process, Workspace, program
from ..reports.figures import Json
from ..reports.report import TIMES, megabytes, microseconds
from .tees import Plan, progress
from .transfer import LIMIT, read_through, sink

CROWD = 1000  # that say nothing, and as many that stop in mid-handshake
DEADLINE = 10.0  # seconds: the tee's own default for a handshake
SPARE = 2  # descriptors that a tee may hold on to for reasons of its own
CROWD_TITLE = f"httptee: {CROWD:,} silent peers and {CROWD:,} in mid-handshake"
WAYS = ("upload", "download")

Start = Callable[[str, int, int], contextlib.AbstractContextManager[tuple[str, Process]]]
"""Starts a subject before A and B on these ports; its URL and its process."""


def transfer_title(way: str) -> str:
    """For headings."""
    return f"{way} over TLS, with a B"


@dataclass(frozen=True)
class Moved:
    """One transfer: bytes a second, and by how much memory grew at most."""

    rate: float
    growth: float


def move(url: str, way: str, file: Path) -> float:
    """Make one transfer with curl; its rate in bytes a second."""
    argv = [program("curl"), "--silent", "--show-error", "--fail", "--insecure", "--http1.1", "--output", "/dev/null"]
    argv += ["--write-out", "ok %{size_upload} %{size_download}\\n"]
    argv += ["--upload-file", str(file), f"{url}/upload"] if way == "upload" else [f"{url}/{file.name}"]
    began = time.monotonic()
    said = finish(argv, LIMIT).split()
    seconds = time.monotonic() - began
    size = file.stat().st_size
    if said[:1] != ["ok"] or int(said[1 if way == "upload" else 2]) != size:
        raise BenchError(f"the {way} failed: {' '.join(said)[-200:]}")
    return size / seconds


def transfers(workspace: Workspace, names: tuple[str, ...], start: Start, plan: Plan, mebibytes: int) -> list[Json]:
    """A large body up and down through every subject, in interleaved rounds."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    for backend in (a, b):
        with (backend.www / "huge").open("wb") as sparse:
            sparse.truncate(mebibytes << 20)
        read_through(backend.www / "huge")
    moved: dict[tuple[str, str], list[Moved]] = {(way, name): [] for way in WAYS for name in names}
    with sink(workspace) as sink_a, sink(workspace) as sink_b:
        ports = {"upload": (sink_a, sink_b), "download": (a.port, b.port)}
        for number in range(plan.rounds):
            for way in WAYS:
                for name in names if number % 2 else reversed(names):
                    with start(name, *ports[way]) as (url, process):
                        for _ in range(3):
                            move(url, way, a.www / "large")
                        before = measure.memory(process.group)
                        with measure.Peak(process.group) as peak:
                            rate = move(url, way, a.www / "huge")
                            time.sleep(0.5)  # the clone may still be on its way to B
                    moved[way, name].append(Moved(rate, peak.bytes - before))
                    progress(f"round {number + 1} of {plan.rounds}: {way} over TLS: {name}: {rate / 1e6:,.0f} MB/s")
    return [transfer_table(way, {name: moved[way, name] for name in names}) for way in WAYS]


def transfer_table(way: str, moved: dict[str, list[Moved]]) -> Json:
    """Medians of the rates, and the most that memory grew in any round."""
    rates = {name: statistics.median(one.rate for one in done) for name, done in moved.items()}
    rows: list[Json] = [
        {"subject": name, "rate": rates[name], "growth": max(one.growth for one in done),
         "samples": [asdict(one) for one in done]}
        for name, done in moved.items()
    ]  # fmt: skip
    cells = [
        [row["subject"], f"{row['rate'] / 1e6:,.0f} MB/s", f"{row['rate'] / rates['nginx']:.2f}",
         "+" + megabytes(row["growth"])]
        for row in rows
    ]  # fmt: skip
    header = ["tee", "rate", f"{TIMES} nginx", "most it grew in any round"]
    return {"title": transfer_title(way), "rows": rows, "header": header, "cells": cells}


def first_flight() -> bytes:
    """What a client begins a handshake with."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@contextlib.contextmanager
def crowd(port: int) -> Iterator[list[socket.socket]]:
    """The peers that do not come to an end: half of them silent, the rest at various points of their handshake."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 3 * CROWD), hard), hard))
    hello = first_flight()
    with contextlib.ExitStack() as stack:
        peers = []
        for number in range(2 * CROWD):
            peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=2 * DEADLINE))
            if number % 2:
                peer.sendall(hello[: (3, len(hello) // 2, len(hello))[number % 3]])
            peers.append(peer)
        yield peers


def descriptors(process: Process, upstreams: Collection[int]) -> int:
    """How many all processes of a subject hold, without connections to these ports: those it keeps, more or fewer."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    kept = {f"socket:[{fields[9]}]" for fields in lines if int(fields[2].partition(":")[2], 16) in upstreams}
    return sum(name not in kept for name in measure.descriptors(process.group))


def seconds_until_closed(peers: list[socket.socket], began: float) -> float:
    """When the last of them was closed. Raises BenchError where one is still open at twice the deadline."""
    for peer in peers:
        try:
            while peer.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except OSError as error:
            raise BenchError(f"a peer was not closed: {error}") from None
    return time.monotonic() - began


def crowded(workspace: Workspace, start: Start, load: Load, plan: Plan, connections: int) -> Json:
    """What quick clients notice of a crowd, and what the crowd leaves behind."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    rows: list[Json] = []
    for number in range(plan.rounds):
        with start("httptee", a.port, b.port) as (url, process):
            load.run(url, CASES["get"], connections, max(1, plan.warmup))
            alone = load.run(url, CASES["get"], connections, plan.seconds)
            before = descriptors(process, (a.port, b.port))
            began = time.monotonic()
            with crowd(int(url.rpartition(":")[2])) as peers:
                beside = load.run(url, CASES["get"], connections, plan.seconds)
                closed = seconds_until_closed(peers, began)
            time.sleep(1.5)
            rows.append({"alone": alone.p99, "beside": beside.p99, "errors": beside.errors, "closed": closed,
                         "left": descriptors(process, (a.port, b.port)) - before})  # fmt: skip
        progress(f"round {number + 1} of {plan.rounds}: crowd: p99 {alone.p99:.0f} µs, {beside.p99:.0f} µs beside it")
    row: Json = {name: statistics.median(each[name] for each in rows) for name in ("alone", "beside")}
    row |= {name: max(each[name] for each in rows) for name in ("errors", "closed", "left")}
    row |= {"subject": "httptee", "samples": rows}
    cells = [[microseconds(row["alone"]), microseconds(row["beside"]), f"{row['beside'] / row['alone']:.2f}",
              str(row["errors"]), f"{row['closed']:.1f} s", f"{row['left']:+d}"]]  # fmt: skip
    header = ["p99 alone", "p99 beside them", TIMES, "errors", "last of them closed after", "descriptors left"]
    return {"title": CROWD_TITLE, "rows": [row], "header": header, "cells": cells}
