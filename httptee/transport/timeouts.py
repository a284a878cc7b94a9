"""How long an exchange with an upstream may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The limits of one exchange, in seconds.

    `connect` limits the whole opening of a connection: name, all addresses, TLS handshake. `headers` limits the time
    from the last byte of the request to the head of the answer, and any time in which the upstream takes nothing of the
    request. `idle` limits the time between two pieces of a body. `whole` limits the time from connecting to the last
    byte; None means no limit.
    """

    connect: float
    headers: float
    idle: float
    whole: float | None = None


DEFAULT_TIMEOUTS = Timeouts(connect=10.0, headers=60.0, idle=60.0)
"""Used if the caller gives none."""
