"""Decides which uploads go on to A while they arrive.

Each of them holds a serving thread and a connection of A until its last byte has come, and its client sets the pace. So
only a part of the threads may do that, and none while requests wait for a thread. All other uploads are read before A
is asked: these hold no thread, however slow they are.

A body of moderate size that is there already is read first too: one send is cheaper than several.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from httptee.http import ArrivingBody
from httptee.server.uploads.passing import PassingBody

AT_ONCE = 256 * 1024
"""Bytes of a body that are read first, as long as its client does not have to be waited for."""


def most_streaming(threads: int) -> int:
    """How many of so many serving threads may pass on uploads at a time: a quarter, and never the last thread."""
    return min(threads - 1, max(1, threads // 4))


@dataclass(frozen=True, slots=True)
class Streaming:
    """Which bodies go on to A while they arrive: those announced with more than `longer` bytes, and chunked ones once
    they have more. With `expecting`, a chunked one at once if its client waits for 100 (Continue)."""

    longer: int
    expecting: bool = True


class Uploads:
    """The uploads of one process. `streaming` is None if none is passed on. `queueing` says whether requests wait for a
    thread."""

    def __init__(self, streaming: Streaming | None, threads: int, queueing: Callable[[], bool]) -> None:
        self._streaming = streaming
        self._queueing = queueing
        self._free = deque([None] * most_streaming(threads))  # to take from it and to add to it is atomic

    def __repr__(self) -> str:
        return f"<Uploads [free {len(self._free)}]>"

    def may_begin(self, request: Any) -> bool:
        """Whether a request whose body has not arrived whole, if any, is one to be passed on, now or a little later."""
        if request is None or self._streaming is None or request.is_read_first or request.body_rcv is None:
            return False
        if request.upgrades:  # what follows its body is of another protocol
            return False
        return self._qualifies(request, self._streaming)

    def begins(self, request: Any, waits: bool) -> bool:
        """Whether a request whose body has not arrived whole is to be served now. Its body is a `PassingBody` then.

        `waits`: nothing more has arrived, so that its client must be waited for.
        """
        if not self.may_begin(request):
            return False
        if not (waits or request.expect_continue or len(request.body_rcv) > AT_ONCE):
            return False
        request.is_read_first = True  # decided once: what is in a file by then stays there
        body: ArrivingBody = request.body_rcv
        start = None if self._queueing() else body.in_memory
        if start is None or not self._take():
            return False
        body.close()
        request.body_rcv = PassingBody(start, lambda: self._free.append(None))
        return True

    def _qualifies(self, request: Any, streaming: Streaming) -> bool:
        if not request.chunked:
            return bool(request.content_length > streaming.longer)
        return len(request.body_rcv) > streaming.longer or (streaming.expecting and request.expect_continue)

    def _take(self) -> bool:
        try:
            self._free.pop()
        except IndexError:
            return False
        return True
