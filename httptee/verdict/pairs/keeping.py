"""The worker's side of the verdict: which pairs are compared, and what becomes of them.

Whether a pair is compared is decided before B's answer is known, so the choice says nothing about B. A's answer is then
kept until B's is whole. An equal pair only counts. An unequal one goes to the judge, if there is room for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from time import perf_counter, time

from httptee.compare import Outcome, Routes, equal
from httptee.errors import ClientGone, CutOff, upstream_error
from httptee.http import HOP_BY_HOP, Exchange, Headers, Pieces, Request, Response, end_to_end, without
from httptee.ledger import Faults
from httptee.transport import GONE, Answer, followed, seconds_to_head
from httptee.verdict.court import Blocks, Pair, Sender, bucket
from httptee.verdict.pairs.choosing import Chooser
from httptee.verdict.pairs.own_load import OwnLoad
from httptee.verdict.pairs.row import LONGEST_NAME
from httptee.verdict.pairs.tallies import RowTallies, Slot, Times

_ROOM = 16 * 1024  # bytes that B's body may have more than A's, until only its length and digest are kept
_READS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110 §9.2.1
_NO_PAIR = frozenset({ClientGone.reason, CutOff.reason})  # the client has gone: nothing is known of A's answer


class KeptPrimary:
    """A's answer to one request. `outcome` is None until it is whole, and stays None if its client has gone."""

    __slots__ = ("_gone", "_waiting", "at", "extra", "outcome", "room", "route", "seconds", "size", "slot")

    def __init__(self, route: str, slot: Slot, extra: bool, most: int) -> None:
        self.route = route
        self.slot = slot
        self.seconds = self.at = 0.0
        self.extra = extra
        self.room = most
        self.size = 2 * most
        self.outcome: Outcome | None = None
        self._gone = False
        self._waiting: list[Callable[[Outcome], object]] = []

    def finish(self, outcome: Outcome) -> None:
        """A's answer is whole, or has failed."""
        self.outcome = outcome
        self._run(outcome)

    def give_up(self) -> None:
        """The client has gone: nothing is compared, and what was kept for it is free."""
        self._gone = True
        self._waiting.clear()

    def then(self, compare: Callable[[Outcome], object]) -> None:
        """Call `compare` with A's outcome, once: now, or in A's thread when its answer has ended."""
        self._waiting.append(compare)
        if self.outcome is not None:  # perhaps only since the line above: the thread that takes it out calls it
            self._run(self.outcome)
        elif self._gone:
            self._waiting.clear()

    def _run(self, outcome: Outcome) -> None:
        while self._waiting:
            try:
                compare = self._waiting.pop()
            except IndexError:  # the other thread has taken it
                return
            compare(outcome)


class Keeper:
    """Chooses the pairs of one worker process, and keeps A's answers up to `most` bytes each, without the header fields
    in `left_out`, whose names are in lower case."""

    def __init__(
        self,
        routes: Routes,
        tallies: RowTallies,
        chooser: Chooser,
        most: int,
        faults: Faults | None = None,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._left_out = left_out
        self._faults = faults or Faults()
        self._routes = routes
        self._tallies = tallies
        self._chooser = chooser
        self._most = most

    def choose(self, request: Request) -> KeptPrimary | None:
        """Count a request to A, and decide whether its answer is to be compared: then the place for it. Never raises.

        Called before A is asked: only the exchanges that are chosen are timed.
        """
        try:  # `Faults.watch`, written out: it is called for every request
            return self._choose(request)
        except Exception:
            self._faults.report("no pair could be chosen")
            return None

    def keep(self, kept: KeptPrimary, response: Response, seconds: float) -> tuple[KeptPrimary | None, Response]:
        """A's answer, if this pair can be compared, and the answer for the client, which may be followed by it. Never
        raises."""
        found = self._faults.watch("an answer of A could not be kept", self._keep, kept, response, seconds)
        return found or (None, response)

    def _choose(self, request: Request) -> KeptPrimary | None:
        routes, tallies = self._routes, self._tallies
        route = routes.route(request.method, request.target)[:LONGEST_NAME]
        if routes.renamed:
            for old, new in routes.merged():
                tallies.merge(old[:LONGEST_NAME], new[:LONGEST_NAME])
        slot = tallies.slots.get(route) or tallies.slot(route)
        if slot is None:
            return None
        seen = tallies.request(slot)
        if not self._chooser.chooses(seen):
            return None
        return KeptPrimary(route, slot, self._chooser.wants_extra(seen), self._most)

    def _keep(self, kept: KeptPrimary, response: Response, seconds: float) -> tuple[KeptPrimary | None, Response]:
        failure = response.error.removeprefix("primary_")
        if failure in _NO_PAIR:
            return None, response
        kept.at = time()
        kept.seconds = response.head_seconds or seconds
        if failure:
            kept.size = kept.room = _ROOM
            kept.finish(Outcome(0, [], b"", failure=failure))
            return kept, response
        body = response.body
        headers = without(response.headers, self._left_out)
        if isinstance(body, bytes):
            size = len(body)
            kept.room = min(self._most, size + _ROOM)
            kept.size = min(self._most, size) + kept.room
            if size <= self._most:
                kept.outcome = Outcome(response.status, headers, body, size)
            else:
                pieces = Pieces(self._most)
                pieces.append(body)
                kept.outcome = _outcome(response.status, headers, pieces)
            return kept, response
        ended = self._faults.watched(
            "an answer of A could not be compared", partial(_ended, kept, response.status, headers)
        )
        return kept, followed(response, Pieces(self._most), ended)


class Comparer:
    """Compares the answers of one B, number `number`, with those that were kept of A, without the header fields in
    `left_out`. Never waits."""

    def __init__(
        self,
        backend: str,
        number: int,
        tallies: RowTallies,
        chooser: Chooser,
        sender: Sender,
        left_out: frozenset[str] = frozenset(),
    ) -> None:
        self._left_out = HOP_BY_HOP | left_out
        self._backend = backend
        self._number = number
        self._tallies = tallies
        self._chooser = chooser
        self._sender = sender
        self._load = OwnLoad()
        self._lock = threading.Lock()  # guards the blocks
        self._blocks: dict[Slot, Blocks] = {}

    def chosen(self, exchange: Exchange) -> None:
        """The clone of an exchange with a kept answer was taken on."""
        if isinstance(exchange.kept, KeptPrimary):
            self._tallies.chosen(self._number, exchange.kept.slot)

    def missed(self, exchange: Exchange) -> None:
        """The clone of an exchange was dropped. If it was a write, the state of B may lag behind A's."""
        if exchange.request.method not in _READS:
            self._tallies.missed(self._number)

    def settled(self, exchange: Exchange, answer: Answer | None, error: Exception | None, seconds: float) -> None:
        """Its exchange with B has ended after `seconds`: with a whole answer, or with an error."""
        kept = exchange.kept
        if error is not None:
            self.missed(exchange)
        if not isinstance(kept, KeptPrimary):
            return
        if error is not None:
            b = Outcome(0, [], b"", failure=upstream_error(error).reason)
        elif answer is not None and answer.kept is not None and not answer.cut_off:
            seconds = seconds_to_head(answer, seconds)
            b = _outcome(answer.status, end_to_end(answer.headers, self._left_out), answer.kept)
        else:
            return
        if kept.outcome is not None:
            self._compare(exchange.request, kept, b, seconds, time(), kept.outcome)
        else:
            kept.then(partial(self._compare, exchange.request, kept, b, seconds, time()))

    def _compare(self, request: Request, kept: KeptPrimary, b: Outcome, seconds: float, at: float, a: Outcome) -> None:
        same = equal(a, b)
        if a.failure or b.failure:
            self._tallies.judged(self._number, kept.slot, same)
        else:
            self._tallies.judged(self._number, kept.slot, same, self._timed(kept, seconds))
        if same and not kept.extra:
            return
        pair = Pair(0, self._backend, kept.route, request, a, b, kept.at, at, kept.seconds, seconds, same)
        if not self._sender.send(pair) and not same:
            self._tallies.lost(self._number, kept.slot)
            self._chooser.lost()

    def _timed(self, kept: KeptPrimary, seconds: float) -> Times:
        toss, now = None, perf_counter()
        if not self._load.is_busy(now) and self._tallies.has_blocks(kept.route, now):
            with self._lock:
                blocks = self._blocks.get(kept.slot) or self._blocks.setdefault(kept.slot, Blocks())
                toss = blocks.add(kept.seconds, seconds, now)
        return bucket(kept.seconds), bucket(seconds), toss


def _ended(kept: KeptPrimary, status: int, headers: Headers, pieces: Pieces, failure: str | None) -> None:
    """The client has all of A's answer, or no more of it comes: what waits for it is compared."""
    if failure is GONE:
        kept.give_up()
    elif failure:
        kept.finish(Outcome(0, [], b"", failure=failure))
    else:
        kept.finish(_outcome(status, headers, pieces))


def _outcome(status: int, headers: Headers, pieces: Pieces) -> Outcome:
    return Outcome(status, headers, pieces.content, pieces.length, pieces.digest)
