"""What an answer of B means for a clone, or an error: it is delivered, it is sent again and when, or it has failed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from time import time

from httptee.errors import upstream_error
from httptee.http import Exchange, Headers, values
from httptee.transport import IDEMPOTENT, Answer

LONGEST_WAIT = 300.0
"""Seconds for which a clone waits at most because of Retry-After."""

_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
_SURELY_NOT_SENT = frozenset({"connect", "tls"})
_AMBIGUOUS = frozenset({"timeout", "reset", "protocol"})
_NEVER_LATER = frozenset(range(200, 400))  # statuses after which a clone is not sent again, whatever the fields say


@dataclass(slots=True)
class Result:
    """What became of an exchange: `reason` of its failure or an empty text, the status, and Retry-After in seconds."""

    exchange: Exchange
    seconds: float
    reason: str
    status: int
    retry_after: float = 0.0
    unsent: bool = False

    def sent_again(self, ambiguous: str) -> bool:
        """Whether the clone is sent again, with this option of that name."""
        return sent_again(ambiguous, self.exchange.request.method, self.reason, self.status)


def sent_again(ambiguous: str, method: str, reason: str, status: int) -> bool:
    """Whether a clone is sent again that failed for this `reason`, or that B answered with this `status`.

    `ambiguous` is the option of that name: it decides where B may have executed the clone.
    """
    if not reason:
        return status in _AGAIN
    return reason in _SURELY_NOT_SENT or (
        reason in _AMBIGUOUS and (ambiguous == "retry" or (ambiguous == "idempotent" and method in IDEMPOTENT))
    )


def retry_after(status: int, headers: Headers) -> float:
    """The seconds until a clone may be sent again, by the answer: a number of them or a date; 0.0 without any."""
    found = [] if status in _NEVER_LATER else values(headers, "retry-after")
    if not found:
        return 0.0
    said = found[0].strip()
    if said.isascii() and said.isdigit():
        return min(float(said[:9]), LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(said).replace(tzinfo=timezone.utc).timestamp()  # one form of a date names no zone
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(0.0, at - time()), LONGEST_WAIT)


def result_of(exchange: Exchange, seconds: float, error: Exception | None, answer: Answer | None) -> Result:
    """The result of an exchange: its error, or its answer as far as it came."""
    reason = "" if error is None else upstream_error(error).reason
    status = 0 if answer is None else answer.status
    return Result(exchange, seconds, reason, status, 0.0 if answer is None else retry_after(status, answer.headers))
