"""The form in which a clone is held: its body in memory, and its head as bytes if it waits or is long.

As a list of pairs, the fields of a head take several times the memory of its bytes.
"""

from __future__ import annotations

from httptee.http import Exchange, FileBody, WrittenRequest
from httptee.transport import request_head

MOST_FIELDS = 64
"""A clone that is sent at once keeps its list of fields, unless it has more of them than this."""

LONGEST = 8192
"""The same for a clone that is larger without its body, in bytes."""


def hold(exchange: Exchange) -> None:
    """Bring a clone that a B has taken into its form. Raises OSError, ValueError or MemoryError if its body cannot be
    read from its file."""
    request = exchange.request
    if isinstance(request.body, FileBody):
        exchange.load()  # now: the server closes the file when the request ends
        request = exchange.request
    if isinstance(request, WrittenRequest):
        return
    if exchange.size - len(request.body) > LONGEST or len(request.headers) > MOST_FIELDS:
        hold_as_bytes(exchange)


def hold_as_bytes(exchange: Exchange) -> None:
    """Hold the head of a clone as bytes, without the list of its fields."""
    request = exchange.request
    if isinstance(request, WrittenRequest):
        return
    if not request.shared_head:
        try:
            request.shared_head.append(request_head(request.method, request.target, request.headers))
        except ValueError:
            return  # it cannot be written, so it fails when it is sent
    exchange.request = WrittenRequest(request)
