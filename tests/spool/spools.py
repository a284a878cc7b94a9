"""A spool of the tests: a directory, what a worker process writes, and what a drainer reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from httptee.errors import UpstreamConnectError, UpstreamTimeout
from httptee.http import Exchange, Request
from httptee.ledger import SpoolWords
from httptee.settings import SpoolSettings
from httptee.spool.aside import Aside
from httptee.spool.catchup import Catchup
from httptee.spool.counts import Counts
from httptee.spool.names import StreamName
from httptee.spool.pace import Pace
from httptee.spool.record import encode
from httptee.spool.sheet import Sheet
from httptee.spool.source import Source
from httptee.spool.stream import Stream

RUN = "20260101T000000abcdef"


def a_request(number: int = 0, target: str = "/write?db=x", client: str = "10.0.0.1") -> Request:
    """A request whose body is its number."""
    body = str(number).encode()
    headers = [("Host", "a"), ("Content-Length", str(len(body)))]
    return Request("POST", target, headers, body, client, "http")


def a_sheet(directory: Path, number: int = 1, run: str = RUN, **settings: object) -> Sheet:
    """What one process writes."""
    given = {"fsync": "never", "min_free": 0.0, **settings}
    return Sheet(directory, lambda: StreamName(run, 1, number), SpoolSettings(str(directory.parent), **given))  # type: ignore[arg-type]


def write(directory: Path, count: int, *, lanes: int = 1, first: int = 0, run: str = RUN, number: int = 1) -> None:
    """One process writes clones, and ends."""
    sheet = a_sheet(directory, number, run)
    stamp = time.time_ns() - 1_000_000_000
    records = [(stamp + each, encode(a_request(each), f"lane{each % lanes}")) for each in range(first, first + count)]
    assert sheet.append(records)
    sheet.close()


def bodies(stream: Stream) -> list[bytes | None]:
    """What a stream has, None for what is missing or damaged."""
    found = []
    while (entry := stream.peek(alive=False)) is not None:
        stream.take()
        found.append(entry.clone.body if entry.clone else None)
    return found


class Bench:
    """A `Catchup` with a B that `answer` plays: a status, one with fields, an error's name, or None for nothing."""

    def __init__(self, directory: Path, answer: Callable[[Request], object], **settings: object) -> None:
        self.words = SpoolWords()
        self.words.put[0] = 1
        self.answer = answer
        self.sent: list[Request] = []
        self.counts = Counts(self.words, "another")
        self.source = Source(directory, "another", self.counts, clock=lambda: time.time() + 60)
        self.aside = Aside(directory)
        chosen = SpoolSettings(str(directory.parent), **settings)  # type: ignore[arg-type]
        self.catchup = Catchup("b", self.source, self.counts, self.aside, chosen, Pace(10.0), self.send)
        self.catchup.pace.rate = self.catchup.pace.live = 1e6

    def send(self, exchange: Exchange) -> None:
        """Answer at once."""
        request = exchange.request
        self.sent.append(request)
        found = self.answer(request)
        if isinstance(found, str):
            error = UpstreamTimeout(found) if found == "timeout" else UpstreamConnectError(found)
            self.catchup.settled(exchange, 0.001, error, None)
        elif found is not None:
            status, *headers = found if isinstance(found, tuple) else (found,)
            self.catchup.settled(exchange, 0.001, None, _Answer(status, headers))  # type: ignore[arg-type]

    def run(self, until: Callable[[], bool], patience: float = 20.0) -> None:
        """Work until it is so."""
        deadline = time.monotonic() + patience
        while not until():
            assert time.monotonic() < deadline, "it takes too long"
            self.source.refresh()
            self.catchup.expire()
            if not self.catchup.step():
                time.sleep(0.005)

    @property
    def level(self) -> bool:
        """Whether nothing is spooled."""
        return not self.words.backlog


class _Answer:
    def __init__(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.status = status
        self.headers = headers
