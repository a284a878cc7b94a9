"""Requests as many clients send them: at random times, some routes far more often, writes followed by reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import TYPE_CHECKING

from httptee.compare.outcome import Outcome
from httptee.http import Request

if TYPE_CHECKING:
    from tests.worlds.service import Service

CODINGS = ("gzip, deflate, br", "gzip, deflate, br", "gzip, deflate", "")
"""What clients accept."""


@dataclass(slots=True)
class Client:
    """One client: who it is, its cookie, and the references of what it has written, the newest last.

    `writes` is the reference in the request that is being made, if it is new.
    """

    name: str
    agent: str
    accepts: str
    cookie: str = ""
    references: list[str] = field(default_factory=list)
    writes: str = ""

    def reference(self, random: Random) -> str:
        """Mostly the newest reference, and where there is none, one that nobody has written."""
        if not self.references:
            return new_reference(random)
        return self.references[-1] if random.random() < 0.7 else random.choice(self.references[-5:])

    def answered(self, outcome: Outcome) -> None:
        """Keep the cookie of an answer."""
        for name, value in outcome.headers:
            if name == "Set-Cookie":
                cookie = value.partition(";")[0]
                self.cookie = "" if cookie.endswith("=") else cookie


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request of a client, at `at` seconds since the epoch. `written` is the reference that it makes, or empty."""

    at: float
    request: Request
    client: Client
    route: str
    written: str = ""


def new_reference(random: Random) -> str:
    """24 hexadecimal digits."""
    return f"{random.getrandbits(96):024x}"


def skewed(random: Random, size: int) -> int:
    """A number below `size`; low ones are asked for more often."""
    return int(size * random.random() ** 1.5)


class Traffic:
    """The requests of a service's clients. `weights` in the place of the service's own, `rate` in requests per second.

    A write is followed by a read of the same client, 5 to 300 ms after its answer.
    """

    def __init__(
        self, service: Service, seed: int, weights: Mapping[str, float] | None = None, rate: float | None = None,
        start: float = 1_700_000_000.0, clients: int = 40,
    ) -> None:  # fmt: skip
        self._service = service
        self._random = Random(f"{seed}/traffic")
        weights = service.weights if weights is None else weights
        self._routes, self._weights = list(weights), list(weights.values())
        self._rate = rate or service.rate
        self._now = start
        self._clients = [
            Client(f"client-{number}", f"shopper/1.{number % 7}", CODINGS[number % len(CODINGS)])
            for number in range(clients)
        ]
        self._reads: list[tuple[float, int, Client, str]] = []
        self._made = 0
        self._following = self._next()

    @property
    def next_at(self) -> float:
        """When the next request comes. An answer may still bring a read before it."""
        return min(self._reads[0][0], self._following[0]) if self._reads else self._following[0]

    def take(self) -> Arrival:
        """The next request."""
        if self._reads and self._reads[0][0] < self._following[0]:
            at, _, client, route = heappop(self._reads)
        else:
            at, client, route = self._following
            self._following = self._next()
        request = self._service.next_request(client, route, self._random)
        written, client.writes = client.writes, ""
        return Arrival(at, request, client, route, written)

    def answered(self, arrival: Arrival, outcome: Outcome, at: float) -> None:
        """The client of a request has A's answer. May be called from any thread."""
        client = arrival.client
        client.answered(outcome)
        read = self._service.reads.get(arrival.route)
        if read and 200 <= outcome.status < 300:
            if arrival.written:
                client.references.append(arrival.written)
            self._made += 1
            heappush(self._reads, (at + self._random.uniform(0.005, 0.3), self._made, client, read))

    def __iter__(self) -> Iterator[Arrival]:
        """Requests without end. Reads of what was written come only if the answers are told."""
        while True:
            yield self.take()

    def _next(self) -> tuple[float, Client, str]:
        self._now += self._random.expovariate(self._rate)
        return (self._now, self._random.choice(self._clients), self._random.choices(self._routes, self._weights)[0])
