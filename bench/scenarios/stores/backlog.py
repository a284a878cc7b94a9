"""A backlog that no tee has written."""

from __future__ import annotations

import time
from pathlib import Path

from httptee.http import Request
from httptee.settings import SpoolSettings
from httptee.spool import Sheet, StreamName, directory_of
from httptee.spool.record import encode

_BATCH = 500


def leave(directory: Path, number: int, connections: int) -> None:
    """Write clones as an earlier run has left them."""
    name = StreamName("20200101T000000abcdef", 1, 1)
    sheet = Sheet(directory_of(str(directory), "b"), lambda: name, SpoolSettings(str(directory), min_free=0.0))
    stamp = time.time_ns() - 600_000_000_000
    fields = [("Host", "bench"), ("User-Agent", "bench"), ("Content-Length", "20")]
    for first in range(0, number, _BATCH):
        sheet.append(
            [
                (stamp + each, encode(Request("POST", "/", fields, b"x" * 20, "", "http"), f"{each % connections}"))
                for each in range(first, min(first + _BATCH, number))
            ]
        )
    sheet.close()
