"""How long an exchange with an upstream may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The limits of one exchange, in seconds.

    `connect` holds for each address and for each step of a TLS handshake. `headers` holds from the last byte of the
    request to the head of the answer, and for any time in which the upstream reads nothing of the request. `idle`
    holds between two pieces of a body. `whole` holds from connecting to the last byte; None means no limit.
    """

    connect: float
    headers: float
    idle: float
    whole: float | None = None


DEFAULT_TIMEOUTS = Timeouts(connect=10.0, headers=60.0, idle=60.0)
"""For a caller that gives none."""
