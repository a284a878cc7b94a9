"""One large upload and one large download through every subject, with and without a B."""

from __future__ import annotations

import argparse
import re
import socket
from pathlib import Path

from ..errors import BenchError
from ..programs.backends import Backend
from ..programs.sessions import names
from ..programs.subjects import Running, choose
from ..reports.tables import TIMES
from ..reports.targets import MEGABYTES_16, Target
from .moving import LIMIT, WAYS, Way, transfers, worst
from .rounds import Stage, stages
from .scenario import Result, Scenario, add_rounds, add_sessions, add_size, add_subjects, arrangements

DEFAULT = ["direct", "nginx", "httptee"]
TABLES = [Way(way, with_b, f"{way}, {'with a B' if with_b else 'no B'}") for way in WAYS for with_b in (False, True)]


def titles(direction: str) -> list[str]:
    """The tables of one direction."""
    return [way.title for way in TABLES if way.direction == direction]


TARGETS = tuple(
    target
    for way in WAYS
    for target in (
        Target(f"{way}: memory growth, MB", "transfer", worst(titles(way), "growth"), MEGABYTES_16, True, 1e6),
        Target(f"{way}: rate, {TIMES} nginx", "transfer", worst(titles(way), "rate"), 0.5),
    )
)


def head_of(client: socket.socket) -> tuple[int, bytes]:
    """The status of the final answer, and its bytes so far."""
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
    """Post a file with sendfile, so that this process does not copy it."""
    size = file.stat().st_size
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client, file.open("rb") as body:
        client.sendall(f"POST /upload HTTP/1.1\r\nHost: bench\r\nContent-Length: {size}\r\n\r\n".encode())
        try:
            client.sendfile(body)
        except OSError:
            # A server that refuses an upload answers and closes. Its status is the better message.
            status, _ = head_of(client)
            raise BenchError(f"the upload was cut off with {status}") from None
        status, _ = head_of(client)
    if status != 200:
        raise BenchError(f"the upload was answered with {status}")


def download(port: int, path: str, size: int) -> None:
    """Get a file and count its bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode())
        status, received = head_of(client)
        head, _, body = received.partition(b"\r\n\r\n")
        if status != 200:
            raise BenchError(f"the download was answered with {status}")
        got = len(body) + drain(client)
    # Chunks add their framing to the count. Fewer bytes than the file are an error with and without it.
    chunked = re.search(rb"transfer-encoding:\s*chunked", head, re.IGNORECASE) is not None
    if got < size or (got > size and not chunked):
        raise BenchError(f"the download has {got} bytes, the file {size}")


def drain(client: socket.socket) -> int:
    """The number of bytes until the other side closes."""
    buffer, got = bytearray(1 << 20), 0
    while size := client.recv_into(buffer):
        got += size
    return got


def move(stage: Stage[Backend], tee: Running, way: Way, file: Path) -> None:
    """Make one transfer."""
    if way.direction == "upload":
        upload(tee.port, file)
    else:
        download(tee.port, f"/{file.name}", file.stat().st_size)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    add_rounds(parser)
    add_subjects(parser, ",".join(DEFAULT))
    add_size(parser)
    add_sessions(parser)


def run(options: argparse.Namespace) -> Result:
    """Measure every way through every subject."""
    subjects = choose(options.only, options.peer, DEFAULT)
    arranged = arrangements(options, subjects)
    with stages(arranged, "wrk") as ready:
        tables = transfers(options.rounds, ready, TABLES, subjects, move, options.size)
    return Result(tables, {"rounds": options.rounds, "MiB": options.size, "sessions": names(arranged)})


SCENARIO = Scenario("transfer", "one large upload and download: the rate and the growth of memory", add_arguments,
                    run, TARGETS)  # fmt: skip
