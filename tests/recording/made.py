"""Exchanges and recordings for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from httptee.journal import JournalWriter, Limits
from httptee.recording.exchange import Exchange, Kept, encode
from httptee.recording.files import SUFFIX, Head

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def exchange(number: int = 1, **changed: Any) -> Exchange:
    """A small exchange that arrived `number` milliseconds after `START`."""
    values: dict[str, Any] = {
        "connection": 1,
        "place": number,
        "client": "192.0.2.1",
        "arrived": START + number * 1_000_000,
        "first_byte": 1_000_000,
        "ended": 2_000_000,
        "method": "GET",
        "target": f"/{number}",
        "headers": (("Host", "a"),),
        "body": Kept(),
        "status": 200,
        "reason": "OK",
        "answer_headers": (("Content-Length", "2"),),
        "answer_body": Kept.of(b"ok"),
    }
    return Exchange(**(values | changed))


def journal(directory: Path, name: str = "one", **more: Any) -> JournalWriter:
    """The writer of one stream of a recording."""
    return JournalWriter(
        directory, name, SUFFIX, Head("http://a").packed(), Limits(min_free=0.0, max_bytes=1 << 40), **more
    )


def write(directory: Path, numbers: Any, name: str = "one") -> None:
    """A stream with these exchanges, each appended by itself, and closed."""
    writer = journal(directory, name)
    for number in numbers:
        writer.append([(START + number * 1_000_000, encode(exchange(number)))])
    writer.close()
