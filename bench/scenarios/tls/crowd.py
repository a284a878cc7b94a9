"""A crowd of peers that never finish their handshake: the p99 of other clients beside it, and what it leaves behind."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass

from ...errors import BenchError
from ...programs import measure
from ...programs.backends import Backend
from ...programs.processes import Process
from ...programs.sessions import Sessions
from ...programs.sockets import tcp_sockets
from ...programs.subjects import Running, Subject, running
from ...reports.figures import Json, medians
from ...reports.lookups import OURS, Lookup, Measured, rows
from ...reports.tables import TIMES, microseconds, table
from ...reports.targets import Target
from ..rounds import Stage, interleaved
from ..sampling import Workload
from ..scenario import Plan

CROWD = 1000  # silent peers, and as many in mid-handshake
DEADLINE = 10.0  # seconds: httptee's default deadline of a handshake
SPARE = 2  # descriptors that a tee may keep for other reasons
TITLE = f"httptee: {CROWD:,} silent peers and {CROWD:,} in mid-handshake"


def crowd_row(figure: Callable[[Json], float]) -> Lookup:
    """A figure of the run beside the crowd."""

    def measure(result: Json) -> Measured:
        row = rows(result, TITLE).get(OURS)
        return float(figure(row)) if row else None

    return measure


TARGETS = (
    Target(f"TLS: p99 beside idle peers, {TIMES} alone", "tls", crowd_row(lambda row: row["beside"] / row["alone"]),
           1.5, most=True),
    Target("TLS: errors beside idle peers", "tls", crowd_row(lambda row: row["errors"]), 0, most=True),
    # The deadline, one second until the tee looks at it, and the time in which all peers connect.
    Target("TLS: idle peers closed after, s", "tls", crowd_row(lambda row: row["closed"]), DEADLINE + 3, most=True),
    Target("TLS: descriptors left", "tls", crowd_row(lambda row: row["left"]), SPARE, most=True),
)  # fmt: skip


@dataclass(frozen=True)
class Figures:
    """The p99 without and beside the crowd in µs, errors, the seconds until the last close, and descriptors left."""

    alone: float
    beside: float
    errors: int
    closed: float
    left: int


def first_flight() -> bytes:
    """The first bytes of a client's handshake."""
    context = ssl.create_default_context()
    outgoing = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


@contextlib.contextmanager
def crowd(port: int) -> Iterator[list[socket.socket]]:
    """The peers: half of them silent, the others at three points of their handshake."""
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
    """Descriptors of all processes of a subject, without its kept connections to these ports."""
    kept = {each.name for each in tcp_sockets() if each.peer in upstreams}
    return sum(name not in kept for name in measure.descriptors(process.group))


def seconds_until_closed(peers: list[socket.socket], began: float) -> float:
    """The time of the last close. Raises BenchError where a peer is still open at twice the deadline."""
    for peer in peers:
        try:
            while peer.recv(65536):
                pass
        except ConnectionResetError:
            pass
        except OSError as error:
            raise BenchError(f"a peer was not closed: {error}") from None
    return time.monotonic() - began


def beside_crowd(stage: Stage[Backend], tee: Running, workload: Workload, plan: Plan) -> Figures:
    """Load a tee alone and then beside the crowd."""
    if tee.process is None:
        raise BenchError("no tee to crowd")
    apply, upstreams = workload.by(stage.load), (stage.a.port, stage.b.port)
    apply(tee.url, max(1, plan.warmup))
    alone = apply(tee.url, plan.seconds)
    before = descriptors(tee.process, upstreams)
    began = time.monotonic()
    with crowd(tee.port) as peers:
        beside = apply(tee.url, plan.seconds)
        closed = seconds_until_closed(peers, began)
    time.sleep(1.5)
    left = descriptors(tee.process, upstreams) - before
    return Figures(alone.p99, beside.p99, beside.errors, closed, left)


def tables(stages: Sequence[Stage[Backend]], subject: Subject, workload: Workload, plan: Plan) -> list[Json]:
    """One table for each arrangement of sessions."""

    def measured(stage: Stage[Backend], what: str, subject: Subject) -> Figures:
        with running(stage.workspace, subject, stage.a.port, stage.b.port) as tee:
            return beside_crowd(stage, tee, workload, plan)

    taken = interleaved(
        plan.rounds, stages, ["crowd"], [subject], measured, str,
        lambda got: f"p99 {got.alone:.0f} µs, {got.beside:.0f} µs beside it",
    )  # fmt: skip
    return [crowd_table(stage.sessions, *taken.row(stage.sessions, "crowd", subject)) for stage in stages]


def crowd_table(sessions: Sessions, done: tuple[Figures, ...], reason: str) -> Json:
    """The medians of the p99s, and the worst of the other figures."""
    header = ["p99 alone", "p99 beside them", TIMES, "errors", "last of them closed after", "descriptors left"]
    if not done:
        return table(TITLE, [*header, "notes"], [[*[""] * len(header), reason]], [], sessions)
    row: Json = medians(done) | {name: max(asdict(one)[name] for one in done) for name in ("errors", "closed", "left")}
    row |= {"subject": "httptee", "samples": [asdict(one) for one in done]}
    cells = [[microseconds(row["alone"]), microseconds(row["beside"]), f"{row['beside'] / row['alone']:.2f}",
              str(row["errors"]), f"{row['closed']:.1f} s", f"{row['left']:+d}"]]  # fmt: skip
    return table(TITLE, header, cells, [row], sessions)
