"""Tests that hold at any time, however often one looks. Pure arithmetic.

Under "B behaves as A", each event that tells the two apart is a fair coin. A bet against that coin starts with a wealth
of 1 and is fair, so its wealth reaches w with a probability of at most 1/w, at whatever moment one stops (Ville). The
wealth here is that of a bet spread evenly over all probabilities of heads from 1/2 to 1:

    E(k, n) = 2^(n+1) * Beta(k+1, n-k+1) * P[Bin(n+1, 1/2) <= k]        for k heads of n

With C(n, k) for binomial coefficients, Beta(k+1, n-k+1) = 1 / ((n+1) * C(n, k)). That turns E into sums of few terms:
of the tail of a binomial distribution, seen from its largest term.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import ceil, exp, expm1, inf, lgamma, log, log1p

STRENGTHS = (0.4, 0.8, 1.6)
"""What a bet on coins that do not all say as much is divided among, by the logarithm of the odds of each coin."""

_SPREAD, _SPREAD_BLOCKS = 0.1, 4  # what the spread of the means is taken to be, as if so many blocks had shown it
_FIFTH = 0.2
_TINY = 1e-17
_LARGEST = 690.0  # the exponential of more does not fit into a float


def log_evidence(k: int, n: int) -> float:
    """The natural logarithm of E(k, n), for `k` heads of `n`. Raises ValueError unless 0 <= k <= n.

    The cost grows with the square root of n: less than 3 ms for n = 10**7.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} heads of {n}")
    if 2 * k <= n:
        # P[Bin(n+1, 1/2) <= k] = C(n+1, k) * tail / 2^(n+1), and C(n+1, k) / C(n, k) = (n+1) / (n+1-k)
        return log(_tail(k, n + 1) / (n + 1 - k))
    # Else it is 1 - C(n+1, n-k) * tail / 2^(n+1), and C(n+1, n-k) / C(n, k) = (n+1) / (k+1)
    lead = (n + 1) * log(2.0) - log(n + 1) - (lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1))
    return lead + log1p(-_tail(n - k, n + 1) / (k + 1) * exp(-lead))


class Means:
    """How far the means of blocks were from each other, and how far they would be from 0 if B were A: `apart`."""

    __slots__ = ("_apart", "_blocks", "_mean", "_squares")

    def __init__(self, apart: float) -> None:
        self._blocks, self._mean, self._squares = 0, 0.0, _SPREAD_BLOCKS * _SPREAD**2
        self._apart = apart

    def odds(self, distance: float) -> float:
        """The logarithm of the odds that a mean at this distance from 0 is on the side of a B that is A.

        The means are taken to be normally distributed. If they are not, a bet on these odds is fair but wins less.
        """
        variance = self._squares / (_SPREAD_BLOCKS + max(0, self._blocks - 1))
        return 2 * self._apart * distance / variance

    def add(self, mean: float, apart: float) -> None:
        """Take the mean of a block, and how far its A is from the margin."""
        self._blocks += 1
        before = mean - self._mean
        self._mean += before / self._blocks
        self._squares += before * (mean - self._mean)
        self._apart += (apart - self._apart) / self._blocks


def stakes(log_odds: float) -> tuple[float, ...]:
    """What a coin costs that is said to have these odds for heads or for tails, for each of `STRENGTHS`."""
    return tuple(log1p(expm1(strength * log_odds) / 2) for strength in STRENGTHS)


def staked_log_evidence(log_odds: float, staked: Iterable[float]) -> float:
    """The natural logarithm of the evidence of fair coins that do not all say as much. `log_odds`: the sum of those of
    all heads; `staked`: the sums of the `stakes` of all coins.

    Whatever is said of a fair coin before it falls, the bet that heads have the odds e^(s * o), with o = `log_odds` of
    the coin and a strength s, multiplies the wealth by 2 e^(s * o) / (1 + e^(s * o)) for heads and by
    2 / (1 + e^(s * o)) for tails: 1 in the mean. So the logarithm of a wealth is s times the sum over the heads, minus
    what was staked. The evidence is the mean over the strengths.
    """
    wealths = [strength * log_odds - stake for strength, stake in zip(STRENGTHS, staked, strict=True)]
    most = max(wealths)
    return most + log(sum(exp(each - most) for each in wealths) / len(wealths))


def evidence(k: int, n: int) -> float:
    """E(k, n), at most about 1e299."""
    return exp(min(_LARGEST, log_evidence(k, n)))


def _tail(k: int, n: int) -> float:
    """C(n, 0) + ... + C(n, k) as a multiple of C(n, k), for k <= n/2."""
    total = term = 1.0
    for below in range(k, 0, -1):
        term *= below / (n - below + 1)
        total += term
        if term < _TINY * total:
            break
    return total


def log_evidence_below(k: int, n: int, rate: float) -> float:
    """The natural logarithm of the evidence that a rate of which `k` of `n` show is below `rate` (above 0, below 1).

    It is that of a bet, one half on a rate of 0 and one half on a fifth of `rate`. The higher the true rate, the less
    each half wins, and where it is `rate` each is fair.
    """
    rarely = k * log(_FIFTH) + (n - k) * (log1p(-_FIFTH * rate) - log1p(-rate))
    never = -n * log1p(-rate) if not k else -inf
    most = max(rarely, never)
    return most + log((exp(rarely - most) + exp(never - most)) / 2)


@lru_cache(maxsize=4096)
def upper_bound(k: int, n: int, delta: float, alpha: float) -> float:
    """The upper bound U of a rate of which `k` of `n` show: it is above the rate at all times, but for `alpha`.

    `delta` is the rate (0 to 1) for which the bound is made to be the sharpest. It is the larger solution of

        ln Beta(k+a, n-k+b) - ln Beta(a, b) - k * ln U - (n-k) * ln(1-U) = ln(1/alpha),   a = 1, b = 1/delta

    Raises ValueError unless 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n}")
    if k == n:
        return 1.0
    b = 1.0 / delta
    wealth = _log_beta(k + 1, n - k + b) - _log_beta(1, b) + log(alpha)
    low, high = k / n, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        against = (k * log(middle) if k else 0.0) + ((n - k) * log1p(-middle) if middle < 1.0 else -inf)
        if wealth > against:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=1024)
def pairs_needed(k: int, delta: float, alpha: float) -> int:
    """The smallest number of pairs for which `k` of them leave the upper bound at `delta` or below."""
    low, high = k, max(16, ceil((k + 1) / delta))
    while upper_bound(k, high, delta, alpha) > delta:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if upper_bound(k, middle, delta, alpha) > delta else (low, middle)
    return high


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
