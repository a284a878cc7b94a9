"""Two sides of an engine for the tests: outboxes that are shipped, and tees that send what is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from httptee.errors import UpstreamConnectError, UpstreamTimeout
from httptee.http import Exchange, Request
from httptee.ledger import ShadowLine, SpoolWords
from httptee.settings import SpoolSettings
from httptee.spool import Catchup, Counts, Pace, Source
from httptee.spool.engine import Apart, Sending, Shipping, Taking, Tally

from .engines import FakeEngine, Topic


def a_shipping(directory: Path, topic: Topic, words: SpoolWords | None = None, **settings: object) -> Shipping:
    """One outbox, whose streams are those of an earlier run."""
    if words is None:
        words = SpoolWords()
        words.put[0] = 1
    counts = Counts(words, "another")
    source = Source(directory, "another", counts, clock=lambda: time.time() + 60)
    chosen = SpoolSettings(str(directory.parent), **settings)  # type: ignore[arg-type]
    return Shipping("b", directory, source, counts, chosen, FakeEngine(topic))


def ship(directory: Path, topic: Topic) -> SpoolWords:
    """Bring an outbox into the topic, and return its words."""
    words = SpoolWords()
    words.put[0] = 1
    shipping = a_shipping(directory, topic, words)
    shipping.begin(lambda: None)
    steps(shipping, lambda: shipping.done)
    shipping.end()
    return words


def steps(one: Shipping | Sending, until: Callable[[], bool], patience: float = 20.0) -> None:
    """Work until it is so."""
    deadline = time.monotonic() + patience
    while not until():
        assert time.monotonic() < deadline, "it takes too long"
        if not one.step():
            time.sleep(0.002)


class Sender:
    """A tee that sends what is in a topic. `answer` plays B: a status, an error's name, or None for nothing."""

    def __init__(
        self, topic: Topic, answer: Callable[[Request], object], run: str = "one", words: SpoolWords | None = None
    ) -> None:
        self.words = words or SpoolWords()
        self.answer = answer
        self.sent: list[Request] = []
        self.engine = FakeEngine(topic)
        tally = Tally(self.words, run)
        self.taking = Taking("b", self.engine, run, self.words, tally)
        pace = Pace(10.0)
        self.catchup = Catchup("b", self.taking, tally, Apart(), SpoolSettings("x"), pace, self.send)
        pace.rate = pace.live = 1e6
        self.sending = Sending(
            self.engine, self.taking, self.catchup, lambda: False, lambda: 1e6, lambda: None, lambda seconds: False
        )
        self.sending.begin(lambda: None)

    def send(self, exchange: Exchange) -> None:
        """Answer at once."""
        request = exchange.request
        self.sent.append(request)
        found = self.answer(request)
        if isinstance(found, str):
            error = UpstreamTimeout(found) if found == "timeout" else UpstreamConnectError(found)
            self.catchup.settled(exchange, 0.001, error, None)
        elif found is not None:
            self.catchup.settled(exchange, 0.001, None, _Answer(found))  # type: ignore[arg-type]

    def run(self, until: Callable[[], bool]) -> None:
        """Work until it is so."""
        steps(self.sending, until)

    @property
    def bodies(self) -> list[int]:
        """The numbers of the requests that were sent."""
        return [int(request.body) for request in self.sent]

    @property
    def taken(self) -> int:
        """The clones that count as taken over."""
        return sum(self.words.taken[: ShadowLine.SEEN])


class _Answer:
    headers: tuple[tuple[str, str], ...] = ()

    def __init__(self, status: object) -> None:
        self.status = status
