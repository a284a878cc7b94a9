"""Times of A and B, compared in blocks. Worker processes add pairs to `Blocks` and keep the sums; a report tests them.

Pair by pair, times depend on each other: one burst slows many requests down. So pairs are put into blocks of at least
`BLOCK_PAIRS` pairs and `BLOCK_SECONDS`, and a block is one toss of a coin: is B slower than the margin or within it, in
the mean of the logarithms of B's time by the margin's, of which none counts for more than a limit? The farther a block
is from the margin, and the less the blocks before it differed from each other, the more it says: it has odds. For the
tail, a block is two more tosses: which of the two servers has more times clearly above the 95th percentile of A before
the block, and which of B and of a server at the margin?

If B is at the margin, A's times taken to the margin and B's are alike, and a block is as likely to have them the other
way around. So each coin is fair, whatever its odds, for these depend on how far the mean is from 0 and on earlier
blocks, and not on the side. If B's times are longer still, the mean is higher, and what a bet on `within` wins only
falls with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from math import exp, inf, log
from statistics import median
from typing import NamedTuple

from httptee.verdict.court.bets import Means, log_evidence, staked_log_evidence, stakes
from httptee.verdict.court.report import LatencyReport
from httptee.verdict.court.sums import RouteSums

BLOCK_PAIRS, BLOCK_SECONDS = 10, 1.0
_TAIL_SHARE, _TAIL_TIMES, _TAIL_LIMITS = 0.95, 50, 21  # the percentile, of how many of A's times, and how many of those
_TAIL_RATIO, _TAIL_SECONDS = 1.2, 0.005  # B's 95th or 99th percentile against A's, from where on the tail is slower
_BEYOND = log(5)  # the evidence that a server at the margin would have fewer long times; below it is none

SLOWER, SLOWER_IN_TAIL = "slower", "slower in the tail"

_CLIP = 0.5  # the largest logarithm of a ratio: one stall must not outweigh a block
_LEAST, _MOST = exp(-_CLIP), exp(_CLIP)
MOST_ODDS = 3.0  # the largest logarithm of the odds of a block: 20 to 1
_MILLION = 1_000_000  # the sums are whole numbers, of millionths
_MOST_BLOCKS = 1_000_000  # to be waited for

_SHORTEST, _LONGEST, _STEP = 1e-5, 100.0, 1.05
_PER_LOG = 1 / log(_STEP)
BUCKETS = int(log(_LONGEST / _SHORTEST) * _PER_LOG) + 2
"""Buckets of a histogram of times, from 10 microseconds to 100 seconds. Each ends 5 % above its start."""


def bucket(seconds: float) -> int:
    """The bucket of a time: 0 below 10 microseconds, `BUCKETS` - 1 from 100 seconds on."""
    if seconds <= _SHORTEST:
        return 0
    number = int(log(seconds * 1e5) * _PER_LOG) + 1
    return number if number < BUCKETS else BUCKETS - 1


def percentile(counts: Sequence[int], share: float) -> float | None:
    """The time in seconds that this share (0 to 1) of a histogram does not exceed, or None where it is empty."""
    sums = list(accumulate(counts))
    if not sums or not sums[-1]:
        return None
    number = min(bisect_right(sums, share * sums[-1]), len(sums) - 1)
    while not counts[number]:
        number -= 1
    before = sums[number] - counts[number]
    inside = min(1.0, max(0.0, (share * sums[-1] - before) / counts[number]))
    return _SHORTEST * exp((number - 1 + inside) / _PER_LOG) if number else _SHORTEST


class Margin(NamedTuple):
    """B is slower than the margin above `factor` times A's time plus `seconds`."""

    factor: float = 1.10
    seconds: float = 0.001


MARGIN = Margin()
"""The margin where none is given."""


class Toss(NamedTuple):
    """What is to be added to the sums of a route: a block that is complete, and on which side its coins fell.

    `blocks`, of which in `slower` B is beyond the margin and in `quick` within it. `slower_odds` and `quick_odds` are
    the logarithms of their odds in millionths, and the three stakes what `bets.stakes` says of these. `tail_blocks` are
    those in which one server had more long times than the other; in `tail_slower` it was B. `beyond_blocks` and
    `beyond_slower` likewise of B and of a server at the margin.
    """

    blocks: int
    slower: int
    quick: int
    tail_blocks: int
    tail_slower: int
    beyond_blocks: int
    beyond_slower: int
    small_stake: int = 0  # before the odds: a block that is counted in part must say too little
    middle_stake: int = 0
    large_stake: int = 0
    slower_odds: int = 0
    quick_odds: int = 0


class Blocks:
    """The blocks of one route and one B in one process, of pairs in which both have answered. Not for several threads.

    It holds a few counts and at most 71 times of A.
    """

    __slots__ = (
        *("_above", "_extra", "_limit", "_beyond_limit", "_limits", "_kept", "_began", "_means"),
        *("_pairs", "_slower_by", "_taken", "_high_a", "_high_b", "_beyond"),
    )

    def __init__(self, margin: Margin = MARGIN) -> None:
        self._above, self._extra = margin
        self._began = 0.0
        self._means = Means(log(max(1.0, self._above)))
        self._pairs, self._slower_by, self._taken = 0, 0.0, 0.0
        self._high_a = self._high_b = self._beyond = 0
        self._limit = self._beyond_limit = inf
        self._kept: list[float] = []  # A's times since the last percentile
        self._limits: list[float] = []  # the last percentiles

    def add(self, a_seconds: float, b_seconds: float, now: float) -> Toss | None:
        """Take a pair at `now` (seconds of any clock that never goes back). Returns a toss if it completes a block."""
        if not self._pairs:
            self._began = now
        if len(self._kept) < _TAIL_TIMES:
            self._kept.append(a_seconds)
        self._pairs += 1
        ratio = b_seconds / (self._above * a_seconds + self._extra or _SHORTEST)
        self._taken += a_seconds
        self._slower_by += log(ratio) if _LEAST < ratio < _MOST else _CLIP if ratio >= _MOST else -_CLIP
        if a_seconds > self._limit:
            self._high_a += 1
        if b_seconds > self._limit:
            self._high_b += 1
            self._beyond += b_seconds > self._beyond_limit
        if self._pairs < BLOCK_PAIRS or now - self._began < BLOCK_SECONDS:
            return None
        return self._toss()

    def _toss(self) -> Toss:
        mean, a, b, beyond = self._slower_by / self._pairs, self._high_a, self._high_b, self._beyond
        odds = min(MOST_ODDS, self._means.odds(abs(mean)))
        time = self._taken / self._pairs
        apart = log((self._above * time + self._extra) / time) if time else _CLIP
        self._means.add(mean, min(_CLIP, apart))
        self._pairs, self._slower_by, self._taken = 0, 0.0, 0.0
        self._high_a = self._high_b = self._beyond = 0
        if len(self._kept) >= _TAIL_TIMES:
            self._set_limit()
        slower, quick, part = mean > 0.0, mean < 0.0, round(_MILLION * odds)
        tail = int(a != b), int(b > a), int(a != beyond), int(beyond > a)
        small, middle, large = (round(_MILLION * stake) for stake in stakes(odds))
        return Toss(1, int(slower), int(quick), *tail, small, middle, large, slower * part, quick * part)

    def _set_limit(self) -> None:
        # The limit of the next block is fixed before it begins. So A and B have the same chance to be above it.
        # The median, for a burst of both servers must not raise the limit of the blocks after it.
        self._limits.append(sorted(self._kept)[int(_TAIL_SHARE * len(self._kept))])
        del self._limits[:-_TAIL_LIMITS], self._kept[:]
        self._limit = _TAIL_RATIO * median(self._limits) + _TAIL_SECONDS
        # A server at the margin is above this whenever A is above the limit.
        self._beyond_limit = max(self._limit, self._above * self._limit + self._extra)


def latency(
    sums: RouteSums, alpha: float, alpha_within: float | None = None, margin: Margin = MARGIN, held: str = ""
) -> LatencyReport:
    """What the sums of a route say about B's times. `alpha`: the chance of `slower` by mere chance, and of `within`
    unless `alpha_within` is given. `held`: the last report had this label. What has once been shown is so: `slower`
    and `slower in the tail` stay while their evidence is above 1.
    """
    both = (sums.a_times, sums.b_times)
    times = _Times._make((*(percentile(counts, share) for share in (0.5, 0.95, 0.99) for counts in both), margin))
    label, reason = _judged(sums, times, log(1 / alpha), log(1 / (alpha_within or alpha)), held)
    return LatencyReport(label, reason, sums.blocks, times.a_p50, times.b_p50, times.a_p99, times.b_p99)


def blocks_needed(sums: RouteSums, alpha: float) -> int:
    """How many more blocks it takes to say `within`, if B is within the margin in all of them, with the usual odds."""
    odds = (sums.slower_odds + sums.quick_odds) / _MILLION / sums.blocks if sums.blocks else MOST_ODDS
    won, staked, each = sums.quick_odds / _MILLION, _staked(sums), stakes(odds)
    more = 0
    while more < _MOST_BLOCKS and odds:
        after = (stake + more * one for stake, one in zip(staked, each, strict=True))
        if staked_log_evidence(won + more * odds, after) >= log(1 / alpha):
            return more
        more += 1 + more // 8
    return _MOST_BLOCKS


def _staked(sums: RouteSums) -> tuple[float, ...]:
    return tuple(stake / _MILLION for stake in (sums.small_stake, sums.middle_stake, sums.large_stake))


def _is_slower(sums: RouteSums) -> float:
    return staked_log_evidence(sums.slower_odds / _MILLION, _staked(sums))


def _is_within(sums: RouteSums) -> float:
    return staked_log_evidence(sums.quick_odds / _MILLION, _staked(sums))


def _judged(sums: RouteSums, times: _Times, enough: float, within: float, held: str) -> tuple[str, str]:
    slower, quick, tail = sums.slower, sums.quick, sums.tail_blocks
    blocks = slower + quick
    by_blocks = _is_slower(sums)
    if by_blocks >= enough or (held == SLOWER and by_blocks > 0.0):
        return SLOWER, f"B is beyond the margin in {slower} of {blocks} blocks"
    in_tail = log_evidence(sums.tail_slower, tail)
    is_beyond = log_evidence(sums.beyond_slower, sums.beyond_blocks) >= _BEYOND
    if (times.longer_tail and is_beyond and in_tail >= enough) or (held == SLOWER_IN_TAIL and in_tail > 0.0):
        which = f"B has more of the longest times in {sums.tail_slower} of {tail} blocks"
        return SLOWER_IN_TAIL, "; ".join(filter(None, (which, times.longer_tail)))
    if _is_within(sums) >= within:
        return "within", f"B is within the margin in {quick} of {blocks} blocks"
    return "undecided", f"B is within the margin in {quick} of {blocks} blocks, beyond it in {slower}"


class _Times(NamedTuple):
    a_p50: float | None
    b_p50: float | None
    a_p95: float | None
    b_p95: float | None
    a_p99: float | None
    b_p99: float | None
    margin: Margin

    @property
    def longer_tail(self) -> str:
        """Which percentile is longer by so much that it counts, in words; or an empty text."""
        for name, a, b in (("95th", self.a_p95, self.b_p95), ("99th", self.a_p99, self.b_p99)):
            if a is None or b is None:
                continue
            permitted = self.margin.factor * a + self.margin.seconds
            if b >= max(permitted, _TAIL_RATIO * a, a + _TAIL_SECONDS):
                return f"the {name} percentile is {1000 * b:.0f} ms at B and {1000 * a:.0f} ms at A"
        return ""
