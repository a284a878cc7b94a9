"""Decides which requests A and B are asked again, and when. A server in production pays for each repeat, so the limits
are strict: safe methods only, few a second, a small part of the traffic, and none while A is in trouble."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from httptee.ledger import Latency, PrimaryStatement
from httptee.verdict.court import Pair
from httptee.verdict.judge.channel import size_of
from httptee.verdict.judge.repeatable import unrepeatable

_WINDOW = 10.0  # seconds over which A is watched
_ERRORS = 0.01  # of A's exchanges without a whole answer in the window
_BROKEN = 0.05  # of A's answers with a status of 5xx in the window, and more than twice as many as usual
_FEWEST = 20  # answers in the window; fewer are too few for a percentile
_SLOWER, _SLOWER_SECONDS = 2.0, 0.05  # slow: the 95th percentile in the window against the usual one
_REST = 30.0  # seconds without a repeat after one that A has not answered
_LARGEST = 8 * 1024 * 1024  # bytes of A's answer; to send a larger one again costs A too much
_LATEST = 30.0  # seconds after it was due; a later repeat says little
_LATEST_DELAYED = 300.0


class Ask(Protocol):
    """A wish to ask A and B once more for a pair, at `due` in seconds since the epoch. A higher `priority` is first."""

    @property
    def pair(self) -> Pair:
        """The pair that differs."""

    @property
    def due(self) -> float:
        """Not before this time."""

    @property
    def delayed(self) -> bool:
        """Whether it was asked to wait for a change of A's answer."""

    @property
    def priority(self) -> float:
        """The higher, the sooner."""

    @property
    def more(self) -> int:
        """How many times B alone is to be asked after that."""


@dataclass(frozen=True, slots=True)
class RepeatLimits:
    """How often A is asked again: `per_second` (0: never), and `share` of A's requests after `warm_up` repeats.

    At most `waiting` wishes wait, with `room` bytes.
    """

    per_second: float = 2.0
    share: float = 0.01
    warm_up: int = 200
    waiting: int = 256
    room: int = 32 * 1024 * 1024


class Condition:
    """How A does, as far as it matters for repeats. Looks at the ledger about once a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, PrimaryStatement]] = deque()
        self._share = 1.0

    def observe(self, primary: PrimaryStatement, share: float, now: float) -> None:
        """Take A's account and the part of the clones that the cutoffs let through."""
        self._share = share
        self._seen.append((now, primary))
        while len(self._seen) > 2 and self._seen[1][0] <= now - _WINDOW:
            self._seen.popleft()

    @property
    def trouble(self) -> str:
        """Why there are no repeats: `unknown`, `cut_off`, `a_errs` or `a_slow`; empty if A does well."""
        if not self._seen:
            return "unknown"
        if self._share < 1.0:
            return "cut_off"
        before, now = self._seen[0][1], self._seen[-1][1]
        answered = now.answered - before.answered
        if _errors(now) - _errors(before) > _ERRORS * answered:
            return "a_errs"
        broken = _broken(now) - _broken(before)
        if broken > _BROKEN * answered and broken * now.answered > 2 * _broken(now) * answered:
            return "a_errs"
        lately = Latency(
            tuple(new - old for new, old in zip(now.latency.buckets, before.latency.buckets, strict=True)), 0.0
        )
        usual = before.latency if before.latency.count >= _FEWEST else now.latency
        slow = lately.count >= _FEWEST and lately.quantile(0.95) > _SLOWER * usual.quantile(0.95) + _SLOWER_SECONDS
        return "a_slow" if slow else ""


class Repeats:
    """The wishes that wait, and what the limits allow. `made` counts the repeats, `refused` the others by reason.

    A restarted judge gives the earlier `state`, so that there is one warm-up only. A B for which `paused` is true is
    not asked: its wishes wait until they are too late. All times are in seconds since the
    epoch.
    """

    def __init__(
        self,
        limits: RepeatLimits,
        now: float,
        state: Mapping[str, Any] | None = None,
        paused: Callable[[str], bool] = lambda backend: False,
    ) -> None:
        self._paused = paused
        self.part = 1.0
        """The part of the limits that is this judge's, from 0 to 1: others may ask the same A."""
        self.condition = Condition()
        self.refused: Counter[str] = Counter()
        self.made = self._made_before = int((state or {}).get("made", 0))
        self._limits = limits
        self._waiting: list[Ask] = []
        self._held = 0
        self._requests = 0
        self._first_requests: int | None = None
        self._tokens = 1.0
        self._filled = now
        self._rests_until = 0.0

    def __len__(self) -> int:
        return len(self._waiting)

    def observe(self, primary: PrimaryStatement, share: float, now: float) -> None:
        """Look at A, about once a second. Nothing is repeated before the first look."""
        self.condition.observe(primary, share, now)
        self._requests = primary.answered
        if self._first_requests is None:
            self._first_requests = primary.answered

    def offer(self, ask: Ask) -> list[Ask]:
        """Take a wish. Returns those that are refused: it, or others that had to make room for it."""
        pair = ask.pair
        why = "off" if not self._limits.per_second else unrepeatable(pair.request)
        why = why or ("large" if pair.a.length > _LARGEST else "")
        if why:
            self.refused[why] += 1
            return [ask]
        self._waiting.append(ask)
        self._held += size_of(ask.pair)
        refused = []
        while len(self._waiting) > self._limits.waiting or self._held > self._limits.room:
            refused.append(self._refuse(self._worst(), "full"))
        return refused

    def expired(self, now: float) -> list[Ask]:
        """Remove the wishes that have waited for too long, and return them: they are refused."""
        late = [one for one in self._waiting if now - one.due > (_LATEST_DELAYED if one.delayed else _LATEST)]
        why = self.condition.trouble or "late"
        return [self._refuse(one, why) for one in late]

    def due(self, now: float) -> Ask | None:
        """The wish that is to be carried out now, if there is one and the limits allow it. It counts as made.

        Of those with the highest priority, the newest: the less time has passed, the more the answers say. A delayed
        wish has its repeat from the moment when it is taken. Else all repeats would be used up when it is due.
        """
        self._fill(now)
        left = self._left
        if self._tokens < 1.0 or left <= 0 or now < self._rests_until or self.condition.trouble:
            return None
        open_ = [one for one in self._waiting if not self._paused(one.pair.backend)]
        only_delayed = left <= sum(one.delayed for one in open_)
        ready = [one for one in open_ if one.due <= now and (one.delayed or not only_delayed)]
        if not ready:
            return None
        best = max(ready, key=lambda one: (one.priority, one.due))
        self._remove(best)
        self._tokens -= 1.0
        self.made += 1
        return best

    def failed(self, now: float) -> None:
        """A has not answered a repeat: leave it alone for some time."""
        self._rests_until = now + _REST

    def drop_all(self) -> list[Ask]:
        """Remove all wishes, because memory is short or the judge ends."""
        return [self._refuse(one, "ended") for one in list(self._waiting)]

    def state(self) -> dict[str, Any]:
        """What the next judge has to know."""
        return {"made": self.made}

    @property
    def _left(self) -> float:
        """The repeats that A's requests so far still allow."""
        warm_up = max(0, self._limits.warm_up - self._made_before)
        requests = self._requests - (self._first_requests or 0)
        return self.part * (warm_up + self._limits.share * requests) - (self.made - self._made_before)

    def _fill(self, now: float) -> None:
        passed, self._filled = max(0.0, now - self._filled), now
        per_second = self.part * self._limits.per_second
        self._tokens = min(max(1.0, per_second / 10), self._tokens + passed * per_second)

    def _worst(self) -> Ask:
        """The oldest of the lowest priority. Delayed wishes wait for long, so they may have half of the places."""
        delayed = sum(one.delayed for one in self._waiting)
        crowding = 2 * delayed > len(self._waiting)
        return min((one for one in self._waiting if one.delayed == crowding), key=lambda one: (one.priority, one.due))

    def _refuse(self, ask: Ask, why: str) -> Ask:
        self._remove(ask)
        self.refused[why] += 1
        return ask

    def _remove(self, ask: Ask) -> None:
        self._waiting = [one for one in self._waiting if one is not ask]
        self._held -= size_of(ask.pair)


def _errors(primary: PrimaryStatement) -> int:
    return sum(primary.errors_by_reason.values())


def _broken(primary: PrimaryStatement) -> int:
    return sum(times for status, times in primary.answered_by_status.items() if status >= 500)
