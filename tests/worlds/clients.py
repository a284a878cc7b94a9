"""Sends a service's traffic to a real server, each request when it is due: `python -m tests.worlds.clients URL`."""

from __future__ import annotations

import argparse
import http.client
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from urllib.parse import urlsplit

from httptee.compare import Outcome
from tests.worlds import SERVICES, Service
from tests.worlds.traffic import Arrival, Traffic

CONNECTIONS = 32


class Clients:
    """The clients of a service, on some connections. `statuses` counts what they got, 0 for no answer."""

    def __init__(self, url: str, traffic: Traffic, connections: int = CONNECTIONS) -> None:
        self._traffic = traffic
        where = urlsplit(url)
        self._address = (where.hostname or "127.0.0.1", where.port or 80)
        self._pool = ThreadPoolExecutor(connections)
        self._connections: SimpleQueue[http.client.HTTPConnection] = SimpleQueue()
        for _ in range(connections):
            self._connections.put(http.client.HTTPConnection(*self._address, timeout=30))
        self._lock = threading.Lock()
        self._began = 0.0
        self.statuses: Counter[int] = Counter()

    def send(self, requests: int) -> None:
        """Send so many requests, and return when all are answered."""
        self._began = time.monotonic() - self._traffic.next_at
        futures: list[Future[None]] = []
        while len(futures) < requests:
            # An answer may bring a request that comes before the next one.
            if (wait := self._traffic.next_at - self._now) > 0:
                time.sleep(min(wait, 0.01))
            else:
                futures.append(self._pool.submit(self._one, self._traffic.take()))
        for future in futures:
            future.result()

    @property
    def _now(self) -> float:
        """The time on the clock of the traffic."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """End the connections."""
        self._pool.shutdown()
        while not self._connections.empty():
            self._connections.get().close()

    def _one(self, arrival: Arrival) -> None:
        request = arrival.request
        connection = self._connections.get()
        status = 0
        try:
            headers = {name: value for name, value in request.headers if name != "Content-Length"}
            connection.request(request.method, request.target, bytes(request.body) or None, headers)  # type: ignore[arg-type]
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()  # it connects anew for the next request
        else:
            status = answer.status
            self._traffic.answered(arrival, Outcome(status, answer.getheaders(), b""), self._now)
        self._connections.put(connection)
        with self._lock:
            self.statuses[status] += 1


def sent(
    url: str, service: Service, requests: int, seed: int = 1, rate: float | None = None,
    weights: Mapping[str, float] | None = None, connections: int = CONNECTIONS,
) -> Counter[int]:  # fmt: skip
    """Send so many requests of a service's traffic, at `rate` per second. Returns how often each status came."""
    clients = Clients(url, Traffic(service, seed, weights, rate), connections)
    try:
        clients.send(requests)
    finally:
        clients.close()
    return clients.statuses


def main(words: list[str]) -> int:
    """Send traffic, and print the statuses."""
    parser = argparse.ArgumentParser(prog="python -m tests.worlds.clients", description="Send a world's traffic.")
    parser.add_argument("url", help="of the tee")
    parser.add_argument("--service", choices=SERVICES, default="shop", help="which world (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--rate", type=float, help="requests per second (default: the service's)")
    parser.add_argument("--seed", type=int, default=1, help="of the traffic")
    options = parser.parse_args(words)
    statuses = sent(options.url, SERVICES[options.service], options.requests, options.seed, options.rate)
    print(", ".join(f"{status}: {number}" for status, number in sorted(statuses.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
