"""The same request, recorded more than once: what A says about its own noise without being asked again.

If A gave one request two answers, their difference is noise of A's own. So the earlier of two equal requests is to the
later one what a repeat is in the live tee: A's second answer and B's second answer.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from httptee.compare import Outcome
from httptee.http import Request

_OF_ONE_CALL = frozenset(
    {
        *("date", "user-agent", "via", "forwarded", "x-forwarded-for", "x-real-ip", "content-length"),
        *("x-request-id", "x-correlation-id", "traceparent", "tracestate", "x-amzn-trace-id", "b3"),
        *("x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled"),
    }
)
"""Fields that differ from call to call, and of which an answer does not depend."""


def identity(request: Request) -> int:
    """A number that is the same for requests that ask for the same."""
    fields = tuple((name.lower(), value) for name, value in request.headers if name.lower() not in _OF_ONE_CALL)
    return hash((request.method, request.target, fields, request.body))


@dataclass(frozen=True, slots=True)
class Seen:
    """What A and B answered to a request; `at` is when A did, in seconds since the epoch."""

    a: Outcome
    b: Outcome
    at: float

    @property
    def size(self) -> int:
        """Bytes that it holds, about."""
        bodies = [self.a.body, None if self.b is self.a else self.b.body]
        return 512 + sum(len(body) for body in bodies if body is not None)


class Earlier:
    """The answers to the latest requests, at most `most` bytes of them; those that were not asked for longest give way.

    `first` has the earliest one of each request, for what changes slowly.
    """

    def __init__(self, most: int = 64 << 20) -> None:
        self._most = most
        self._held = 0
        self._seen: OrderedDict[int, tuple[Seen, Seen]] = OrderedDict()

    def swap(self, key: int, seen: Seen) -> tuple[Seen, Seen] | None:
        """Put an answer in. Returns the first and the latest one of the same request before it, or None."""
        before = self._seen.pop(key, None)
        if before is not None:
            self._held -= before[1].size + (before[0].size if before[0] is not before[1] else 0)
        first = before[0] if before is not None else seen
        self._seen[key] = (first, seen)
        self._held += seen.size + (first.size if first is not seen else 0)
        while self._held > self._most:
            _, (old, new) = self._seen.popitem(last=False)
            self._held -= new.size + (old.size if old is not new else 0)
        return before
