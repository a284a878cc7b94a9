"""A load at a fixed rate: `python -m bench.programs.clients.paced_load PORT RATE SECONDS [CONNECTIONS [PATH]]`. Prints
its outcome as JSON.

Each request has an absolute due time, whatever became of those before it, and its latency counts from that time. So a
tee that stalls is charged for every request that was due meanwhile. A load that waits for each answer before it sends
the next request is not (wrk and hey): it measures the stall once for each connection.

At its due time a request goes out on an idle connection, or on a new one: with CONNECTIONS, on so many in turn, else on
the one that was used last. If `MOST` connections are busy, it waits for one of them. A request without an answer for
`SILENCE` seconds has failed; its latency counts until then.
"""

from __future__ import annotations

import json
import math
import select
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence

from .strict_load import REQUEST, SILENCE, Client, request_for

MOST = 256
PARTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that `part` of the values do not exceed. 0 where there are none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)] if ordered else 0.0


class Paced:
    """All connections, and the latencies of their requests in seconds."""

    def __init__(self, port: int, rate: float, seconds: float, connections: int = 0, request: bytes = REQUEST) -> None:
        self.rate, self.number = rate, max(1, round(rate * seconds))
        self.seconds = seconds
        self.idle = deque(Client(port, request) for _ in range(connections))
        self.in_turn = connections > 0
        self.busy: dict[Client, float] = {}  # and the due time of its request
        self.waiting: deque[float] = deque()
        self.latencies: list[float] = []
        self.errors = 0
        self.made: Callable[[], Client] = lambda: Client(port, request)

    def run(self) -> float:
        """Send all requests and wait for their answers. The seconds that this took, at least those asked for."""
        began = time.monotonic()
        sent = 0
        while sent < self.number or self.busy or self.waiting:
            now = time.monotonic()
            while sent < self.number and began + sent / self.rate <= now:
                self.waiting.append(began + sent / self.rate)
                sent += 1
            while self.waiting and (self.idle or len(self.busy) < MOST):
                self.begin(self.waiting.popleft())
            due = began + sent / self.rate if sent < self.number else now + 0.1
            # select takes microseconds. epoll rounds a timeout up to milliseconds.
            by_socket = {client.socket: client for client in self.busy if client.socket}
            for one in select.select(list(by_socket), [], [], max(0.0, min(due - time.monotonic(), 0.1)))[0]:
                self.take(by_socket[one])
            self.give_up(time.monotonic() - SILENCE)
        return max(self.seconds, time.monotonic() - began)

    def begin(self, due: float) -> None:
        """Send a request on the connection whose turn it is, or that was used last, or on a new one."""
        take = self.idle.popleft if self.in_turn else self.idle.pop
        client = take() if self.idle else self.made()
        try:
            if not client.idle_and_open():
                client.connect()
            client.send()
        except OSError:
            self.ended(client, due, failed=True)
        else:
            self.busy[client] = due

    def take(self, client: Client) -> None:
        """Read an answer."""
        outcome = client.read()
        if outcome is not None:
            self.ended(client, self.busy.pop(client), failed=bool(outcome))

    def give_up(self, before: float) -> None:
        """Fail the requests that were sent before this time."""
        for client in [client for client in self.busy if client.since < before]:
            self.ended(client, self.busy.pop(client), failed=True)

    def ended(self, client: Client, due: float, failed: bool) -> None:
        """Count a request. The connection of a failed one is not used again."""
        self.latencies.append(time.monotonic() - due)
        if failed:
            self.errors += 1
            client.close()
        else:
            self.idle.append(client)


def tell(load: Paced) -> None:
    """Run a load and print its outcome, with latencies in µs."""
    took = load.run()
    print(json.dumps({
        "requests": len(load.latencies) - load.errors, "seconds": took, "errors": load.errors,
        **{name: percentile(load.latencies, part) * 1e6 for name, part in PARTS.items()},
    }))  # fmt: skip


def main() -> None:
    """Run the load of the command line."""
    port, rate, seconds, *rest = sys.argv[1:]
    connections, path = int(rest[0]) if rest else 0, rest[1] if rest[1:] else "/"
    tell(Paced(int(port), float(rate), float(seconds), connections, request_for(path)))


if __name__ == "__main__":
    main()
