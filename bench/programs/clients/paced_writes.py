"""InfluxDB writes at a fixed rate: `python -m bench.programs.clients.paced_writes PORT RATE SECONDS FIRST`.

Each write is one point with its own number as the value and in its time, so two servers that got the same writes have
the same count and the same last value of every series, whenever they got them. Prints its outcome as `paced_load` does.
"""

from __future__ import annotations

import sys
import time
from itertools import count

from .paced_load import Paced, tell
from .strict_load import Client

SERIES = 50
BEGINNING = 1_700_000_000_000_000_000  # nanoseconds since the epoch, of the point with the number 0
_REQUEST = "POST /write?db=bench HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{}"


def point(number: int) -> str:
    """One write as InfluxDB's line protocol has it."""
    return f"weather,station=s{number % SERIES} temperature={number} {BEGINNING + number * 1000}"


class Writer(Client):
    """A connection that writes. `numbers` gives the numbers of the points."""

    def __init__(self, port: int, numbers: count[int]) -> None:
        super().__init__(port)
        self.numbers = numbers

    def send(self) -> None:
        """Send the next point."""
        assert self.socket is not None
        self.received, self.since = b"", time.monotonic()
        body = point(next(self.numbers))
        self.socket.sendall(_REQUEST.format(len(body), body).encode())

    def read(self) -> str | None:
        """As `Client.read`, for answers without a body."""
        assert self.socket is not None
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return None
        except OSError as error:
            return type(error).__name__
        if not data:
            return "closed"
        self.received += data
        if not self.received.endswith(b"\r\n\r\n"):
            return None
        return "" if self.received.startswith(b"HTTP/1.1 204 ") else "not stored"


class Writes(Paced):
    """Writes at a fixed rate."""

    def __init__(self, port: int, rate: float, seconds: float, first: int) -> None:
        super().__init__(port, rate, seconds)
        numbers = count(first)
        self.made = lambda: Writer(port, numbers)


def main() -> None:
    """Run the load of the command line."""
    port, rate, seconds, first = sys.argv[1:5]
    tell(Writes(int(port), float(rate), float(seconds), int(first)))


if __name__ == "__main__":
    main()
