"""One large upload and one large download: the rate, and how much the tee's memory grows."""

from __future__ import annotations

import contextlib
import re
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from ..programs import measure
from ..programs.backends import start_backend
from ..programs.processes import BenchError, Workspace, free_port
from ..programs.subjects import PROGRAMS, Subject, running
from ..reports.figures import Json
from ..reports.report import NOTHING, TIMES, megabytes
from .tees import Plan, progress, rotated

LIMIT = 300.0
"""Seconds a transfer may take."""


@dataclass(frozen=True)
class Moved:
    """One transfer: bytes a second, and memory at its start and at its most."""

    rate: float
    before: float | None
    peak: float | None

    @property
    def growth(self) -> float | None:
        """How much the memory grew at most."""
        return None if self.before is None or self.peak is None else self.peak - self.before


@dataclass(frozen=True)
class Key:
    """One row: which way, with or without a B, through what."""

    way: str
    with_b: bool
    subject: str


def head_of(client: socket.socket) -> tuple[int, bytes]:
    """The status of the answer, after its interim ones, and what has come of its body."""
    received = b""
    while True:
        while b"\r\n\r\n" not in received:
            piece = client.recv(65536)
            if not piece:
                raise BenchError("the connection was closed before the answer")
            received += piece
        head, _, received = received.partition(b"\r\n\r\n")
        status = int(head.split(None, 2)[1])
        if status >= 200:
            return status, head + b"\r\n\r\n" + received


def upload(port: int, file: Path) -> None:
    """Post a file, without copying it through this process."""
    size = file.stat().st_size
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client, file.open("rb") as body:
        client.sendall(f"POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Length: {size}\r\n\r\n".encode())
        try:
            client.sendfile(body)
        except OSError:
            # What refuses an upload answers and hangs up; the answer says more than the broken pipe.
            status, _ = head_of(client)
            raise BenchError(f"the upload was cut off with {status}") from None
        status, _ = head_of(client)
    if status != 200:
        raise BenchError(f"the upload was answered with {status}")


def fetch(port: int, path: str, size: int) -> None:
    """Get a file and count what comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        status, received = head_of(client)
        head, _, body = received.partition(b"\r\n\r\n")
        if status != 200:
            raise BenchError(f"the download was answered with {status}")
        got = len(body) + drain(client)
    # Chunks come with their framing; short of the file is short either way.
    chunked = re.search(rb"transfer-encoding:\s*chunked", head, re.IGNORECASE) is not None
    if got < size or (got > size and not chunked):
        raise BenchError(f"the download came to {got} bytes where the file has {size}")


def drain(client: socket.socket) -> int:
    """How many bytes come until the other side closes."""
    buffer, got = bytearray(1 << 20), 0
    while size := client.recv_into(buffer):
        got += size
    return got


def read_through(file: Path) -> None:
    """Have the file in the page cache, or whoever sends it first pays for the others."""
    buffer = bytearray(1 << 20)
    with file.open("rb", buffering=0) as source:
        while source.readinto(buffer):
            pass


@contextlib.contextmanager
def sink(workspace: Workspace) -> Iterator[int]:
    """A server that swallows uploads as fast as they come."""
    port = free_port()
    argv = [sys.executable, str(PROGRAMS / "odd_backend.py"), "sink", str(port)]
    process = workspace.start("sink", argv)
    try:
        process.wait_ready(port)
        yield port
    finally:
        workspace.end(process)


def move(port: int, way: str, file: Path) -> float:
    """Make one transfer; its rate in bytes a second."""
    size = file.stat().st_size
    began = time.monotonic()
    try:
        if way == "upload":
            upload(port, file)
        else:
            fetch(port, "/huge", size)
    except OSError as error:
        raise BenchError(f"the {way} failed: {error}") from error
    return size / (time.monotonic() - began)


def measured(workspace: Workspace, subject: Subject, way: str, a: int, b: int | None, file: Path) -> Moved:
    """Start a subject, move something small so that what is made once is there, then the file."""
    small = file.with_name("large")
    with running(workspace, subject, a, b) as tee:
        for _ in range(3):
            if way == "upload":
                upload(tee.port, small)
            else:
                fetch(tee.port, "/large", small.stat().st_size)
        if tee.process is None:
            return Moved(move(tee.port, way, file), None, None)
        group = tee.process.group
        before = measure.memory(group)
        with measure.Peak(group) as peak:
            rate = move(tee.port, way, file)
            # The clone may still be on its way to B.
            time.sleep(0.5)
        return Moved(rate, before, peak.bytes)


def table(way: str, with_b: bool, subjects: list[Subject], moved: dict[Key, list[Moved]], why: dict[Key, str]) -> Json:
    """One table: every subject, one way."""
    rates: dict[str, float] = {}
    rows, cells = [], []
    for subject in subjects:
        key = Key(way, with_b, subject.name)
        if moved.get(key):
            rates[subject.name] = statistics.median(one.rate for one in moved[key])
    for subject in subjects:
        key = Key(way, with_b, subject.name)
        if subject.starter is None and with_b:
            continue
        done, rate = moved.get(key, []), rates.get(subject.name)
        growths = [one.growth for one in done if one.growth is not None]
        start = [one.before for one in done if one.before is not None]
        rows.append({"subject": subject.name, "reason": why.get(key, ""), "rate": rate,
                     "growth": max(growths, default=None), "samples": [asdict(one) for one in done]})  # fmt: skip
        cells.append([
            subject.name,
            f"{rate / 1e6:,.0f} MB/s" if rate else "",
            f"{rate / rates['nginx']:.2f}" if rate and "nginx" in rates else "",
            megabytes(statistics.median(start)) if start else NOTHING,
            "+" + megabytes(max(growths)) if growths else NOTHING,
            why.get(key, ""),
        ])  # fmt: skip
    header = ["tee", "rate", f"{TIMES} nginx", "memory at first", "most it grew in any round", "notes"]
    return {"title": f"{way}, {'with a B' if with_b else 'no B'}", "header": header, "cells": cells, "rows": rows}


def run(workspace: Workspace, subjects: list[Subject], plan: Plan, mebibytes: int) -> list[Json]:
    """Upload and download through every subject, in interleaved rounds."""
    a, b = start_backend(workspace, "a"), start_backend(workspace, "b")
    for backend in (a, b):
        with (backend.www / "huge").open("wb") as sparse:
            sparse.truncate(mebibytes << 20)
        read_through(backend.www / "huge")
    file = a.www / "huge"
    moved: dict[Key, list[Moved]] = {}
    why: dict[Key, str] = {}
    with sink(workspace) as sink_a, sink(workspace) as sink_b:
        ports = {"upload": (sink_a, sink_b), "download": (a.port, b.port)}
        for number in range(plan.rounds):
            for way, with_b in ((way, with_b) for way in ports for with_b in (False, True)):
                to_a, to_b = ports[way]
                for subject in rotated(subjects, number):
                    if with_b and subject.starter is None:
                        continue
                    key = Key(way, with_b, subject.name)
                    try:
                        got = measured(workspace, subject, way, to_a, to_b if with_b else None, file)
                        moved.setdefault(key, []).append(got)
                        told = f"{got.rate / 1e6:,.0f} MB/s"
                    except BenchError as error:
                        why[key] = told = str(error)
                    progress(f"round {number + 1} of {plan.rounds}: {way}: {subject.name}: {told}")
    return [table(way, with_b, subjects, moved, why) for way in ports for with_b in (False, True)]
