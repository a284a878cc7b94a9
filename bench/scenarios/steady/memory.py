"""What the tee holds in memory for what waits: clones with large heads for a B that is stopped, and stalled uploads.

A and B are the hostile server's mode `ok`, because nginx refuses such heads. Only memory is measured, so the clients
are this process.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ...programs import measure
from ...programs.hostile.backend import HostileBackend, hostile_backend
from ...programs.sessions import Sessions
from ...programs.subjects import Subject, choose
from ...programs.watched import Watched, fates, watched
from ...programs.workspace import Workspace
from ...reports.figures import Json
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import NOTHING, megabytes, table
from ...reports.targets import MEGABYTES_16, Target
from ..rounds import progress
from ..scenario import Result, Scenario, add_subjects, keys, listed, positive
from .stopped import stopped

CLONES = 1024
UPLOADS = 400
HEAD = 64 * 1024 - 512
"""Bytes of a request's head. Its limit is 64 KiB, and the tee adds fields of its own."""
SENT = 510 * 1024
"""Bytes of each upload that come before it stalls. From 512 KiB on a body goes into a file."""
BOUND = 64 * 1024 * 1024 + MEGABYTES_16
"""`-b.max-bytes` by default, and what a tee's memory may differ by for other reasons."""
# The clones must wait and not fail, and their number must not be what bounds them.
WAITING = ("-b.timeout", "120000", "-b.chanSize", str(2 * CLONES))
HEADER = ["what waits", "asked", "taken", "memory before", "with them", "growth", "each", "bound", "clones", "notes"]
TITLE = "{}: memory held for what waits"


@dataclass(frozen=True)
class Kind:
    """One row. `hold` makes `number` of them wait while its block runs, and yields how many the tee has taken."""

    key: str
    title: str
    hold: Callable[[int, int], contextlib.AbstractContextManager[int]]
    number: int
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Held:
    """One measurement, memory in bytes."""

    asked: int
    taken: int
    before: float
    peak: float
    clones: dict[str, int]


def head(field: bytes) -> bytes:
    """A GET whose head has `HEAD` bytes of this field."""
    start = b"GET / HTTP/1.1\r\nHost: bench\r\n"
    return start + field * ((HEAD - len(start) - 2) // len(field)) + b"\r\n"


@contextlib.contextmanager
def requests(request: bytes, port: int, number: int) -> Iterator[int]:
    """Send requests one after the other. Yields how many were answered with 200."""
    taken = 0
    for _ in range(number):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(request)
            with contextlib.suppress(http.client.HTTPException), http.client.HTTPResponse(client) as answer:
                answer.begin()
                answer.read()
                taken += answer.status == 200
    yield taken


@contextlib.contextmanager
def uploads(port: int, number: int) -> Iterator[int]:
    """Begin uploads that stall. Yields how many the tee has neither refused nor closed."""
    start = b"POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 10000000\r\n\r\n"
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
            # A tee that is full may refuse an upload, or read no more of it.
            with contextlib.suppress(OSError):
                client.sendall(start + b"x" * SENT)
            clients.append(client)
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and any(map(waits, clients)):
            time.sleep(0.05)
        yield sum(map(waits, clients))


def waits(client: socket.socket) -> bool:
    """Whether the other side has sent nothing and has not closed."""
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def heads_of(field: bytes) -> Callable[[int, int], contextlib.AbstractContextManager[int]]:
    """Requests whose heads are filled with this field."""
    return lambda port, number: requests(head(field), port, number)


KINDS = {
    kind.key: kind
    for kind in (
        Kind("wide", "clones with heads of 64 KB, fields of 1 KB", heads_of(b"X-Wide: " + b"w" * 1000 + b"\r\n"),
             CLONES, WAITING),
        Kind("many", "clones with heads of 64 KB, fields `a:`", heads_of(b"a:\r\n"), CLONES, WAITING),
        Kind("uploads", f"uploads that stall after {SENT // 1024} KiB", uploads, UPLOADS),
    )
}  # fmt: skip


def growth(key: str) -> Lookup:
    """The growth of memory in bytes."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE.format(OURS)).get(key)
        return float(row["peak"] - row["before"]) if row else None

    return measure


TARGETS = tuple(
    Target(f"memory growth, {kind.title}, MB", "memory", growth(kind.key), BOUND, True, 1e6) for kind in KINDS.values()
)


def steadied(tee: Watched, seconds: float = 10.0) -> float:
    """The most memory until it has not grown for a second, or for `seconds` at most."""
    deadline = time.monotonic() + seconds
    most, still = 0.0, 0
    while still < 5 and time.monotonic() < deadline:
        now = float(measure.memory(tee.process.group))
        still = still + 1 if now <= most else 0
        most = max(most, now)
        time.sleep(0.2)
    return most


def measured(kind: Kind, number: int, tee: Watched, b: HostileBackend) -> Held:
    """Let a tee of its own size hold what waits."""
    with requests(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n", tee.tee.port, 200):
        before = steadied(tee)
    already = fates(tee.ledger())
    group = tee.process.group
    with stopped(b.process), measure.Peak(group) as peak, kind.hold(tee.tee.port, number) as taken:
        steadied(tee)
        clones = fates(tee.ledger())
    fewer = {name: count - already.get(name, 0) for name, count in clones.items()}
    return Held(number, taken, before, float(peak.bytes), {name: count for name, count in fewer.items() if count})


def held_table(subject: Subject, found: Sequence[tuple[Kind, Held]]) -> Json:
    """One subject's rows."""
    saved: list[Json] = [{"subject": subject.name, "scenario": kind.key, **asdict(held)} for kind, held in found]
    lines = [
        [
            kind.title, f"{held.asked:,}", f"{held.taken:,}", megabytes(held.before), megabytes(held.peak),
            "+" + megabytes(held.peak - held.before),
            f"{(held.peak - held.before) / held.taken / 1e3:,.0f} KB" if held.taken else NOTHING, megabytes(BOUND),
            ", ".join(f"{name} {count:,}" for name, count in held.clones.items()) or NOTHING,
            "" if held.taken == held.asked else f"{held.asked - held.taken:,} refused",
        ]
        for kind, held in found
    ]  # fmt: skip
    return table(TITLE.format(subject.name), HEADER, lines, saved, Sessions.ONE)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this scenario."""
    parser.add_argument("--kinds", type=listed, metavar="KIND,...", help=f"of {','.join(KINDS)} (default: all)")
    parser.add_argument("--number", type=positive, help=f"of each (default: {CLONES:,} clones, {UPLOADS} uploads)")
    add_subjects(parser, "httptee")


def run(options: argparse.Namespace) -> Result:
    """Measure every kind once, each with a new tee."""
    tables, kinds = [], [KINDS[key] for key in keys(options.kinds, KINDS, "kind")]
    with Workspace() as workspace, hostile_backend(workspace, "ok") as a:
        for subject in choose(options.only, options.peer, ["httptee"]):
            found = []
            for kind in kinds:
                with (
                    hostile_backend(workspace, "ok") as b,
                    watched(workspace, subject, a.port, b.port, *kind.options) as tee,
                ):
                    held = measured(kind, options.number or kind.number, tee, b)
                progress(
                    f"{subject.name}: {held.taken:,} {kind.title}: {megabytes(held.before)} → {megabytes(held.peak)}"
                )
                found.append((kind, held))
            tables.append(held_table(subject, found))
    return Result(
        tables, {"clones": CLONES, "uploads": UPLOADS} if options.number is None else {"each": options.number}
    )


SCENARIO = Scenario("memory", "what the tee holds for clones of a stopped B, and for stalled uploads", add_arguments,
                    run, TARGETS)  # fmt: skip
