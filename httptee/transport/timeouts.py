"""What an exchange with an upstream may cost: time, and bytes apart from those of the bodies."""

from __future__ import annotations

from dataclasses import dataclass, field

from httptee.http import ChunkLimits

MAX_STATUS_LINE = 8_192
"""Bytes of the status line of an answer."""


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may cost, apart from the bytes of its body.

    `head` is in bytes, from the status line to the empty line; all interim (1xx) heads before it may have as many.
    `fields` are those of one head. `chunks` are the limits of the framing of a chunked body. A head of up to `small`
    bytes is within all limits of a head, whatever it contains.
    """

    head: int = 262_144
    fields: int = 1_024
    chunks: ChunkLimits = field(default=ChunkLimits(65_536, 262_144, 262_144, overhead=1_048_576, per_byte=16))
    small: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compute `small` once and not for each answer."""
        object.__setattr__(self, "small", min(self.head, self.fields * len(b"a:\r\n"), MAX_STATUS_LINE))


FOR_CLIENTS = Limits()
"""The limits of an answer that goes to a client: far above those of common servers."""
