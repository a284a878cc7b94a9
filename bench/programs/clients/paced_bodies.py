"""Requests with bodies at a fixed rate: `python -m bench.programs.clients.paced_bodies PORT RATE SECONDS CONNECTIONS`.

Each request has its number in its target, and one in five has a body of any bytes that follows from the number. So
whoever has received them knows whether each came, once, and whole. Prints its outcome as `paced_load` does.
"""

from __future__ import annotations

import sys
from collections import deque
from itertools import count
from random import Random

from .paced_load import Paced, tell
from .strict_load import Client


def asked(number: int) -> tuple[str, str, bytes]:
    """Method, target and body of the request with this number."""
    if number % 5:
        return "GET", f"/{number}", b""
    random = Random(number)
    return "PUT", f"/body/{number}", random.randbytes(random.randrange(1, 2000))


class Sender(Client):
    """A connection that sends one numbered request after the other. `numbers` gives the numbers."""

    def __init__(self, port: int, numbers: count[int]) -> None:
        super().__init__(port)
        self.numbers = numbers

    def send(self) -> None:
        """Send the next request."""
        method, target, body = asked(next(self.numbers))
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        self.request = f"{method} {target} HTTP/1.1\r\nHost: bench\r\n{length}\r\n".encode("ascii") + body
        super().send()


class Bodies(Paced):
    """Requests with bodies at a fixed rate, on so many connections in turn."""

    def __init__(self, port: int, rate: float, seconds: float, connections: int) -> None:
        super().__init__(port, rate, seconds)
        numbers = count()
        self.made = lambda: Sender(port, numbers)
        self.idle = deque(self.made() for _ in range(connections))
        self.in_turn = True


def main() -> None:
    """Run the load of the command line."""
    port, rate, seconds, connections = sys.argv[1:5]
    tell(Bodies(int(port), float(rate), float(seconds), int(connections)))


if __name__ == "__main__":
    main()
