"""Sends requests to an upstream and reads the answers: bytes on the wire, connections, the pool, TLS, the adapter for
requests. Others send through an `Upstream`."""

from httptee.transport.adapter import IDEMPOTENT, PoolLimits, WireAdapter
from httptee.transport.connection import Connection
from httptee.transport.head import all_fields
from httptee.transport.names import look_up
from httptee.transport.pending import Pending, seconds_to_head
from httptee.transport.prepared import request_head
from httptee.transport.pressure import Pressure, Reading
from httptee.transport.stream import GONE, WireStream, followed
from httptee.transport.timeouts import Limits, Timeouts
from httptee.transport.tls import Trust, tls_context
from httptee.transport.upstream import Upstream
from httptee.transport.wire import Answer

__all__ = [
    "GONE",
    "IDEMPOTENT",
    "Answer",
    "Connection",
    "Limits",
    "Pending",
    "PoolLimits",
    "Pressure",
    "Reading",
    "Timeouts",
    "Trust",
    "Upstream",
    "WireAdapter",
    "WireStream",
    "all_fields",
    "followed",
    "look_up",
    "request_head",
    "seconds_to_head",
    "tls_context",
]
