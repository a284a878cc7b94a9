"""Whether an answer fits its request. Every other answer is unexpected, and is recorded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import inf
from time import monotonic

from tests.support.wire import Answer, Headers

from .orders import FITS, LENGTH, Fit, Order, body, fields

_FRAMING = {"content-length", "transfer-encoding", "connection"}
_RECORDED = 20  # unexpected answers in words; the others are only counted

A_AWAY, WORKER_KILLED = "A is away", "a worker was killed"
WHILE_AWAY = Fit(reasons=frozenset({"primary_connect", "primary_reset", "primary_timeout"}), cut=True)
"""The further answers that fit a request in flight while A was away."""


class Windows:
    """The times of the events that excuse an answer, by the monotonic clock."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, float, float]] = []
        self._lock = threading.Lock()

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Record an event that lasts as long as the block."""
        began = monotonic()
        with self._lock:
            self._spans.append((what, began, inf))
        try:
            yield
        finally:
            with self._lock:
                self._spans.remove((what, began, inf))
                self._spans.append((what, began, monotonic()))

    def any(self, what: str, since: float) -> bool:
        """Whether the event happened or lasted between `since` and now."""
        with self._lock:
            return any(each == what and end >= since for each, _, end in reversed(self._spans))


class Tally:
    """The answers of one run, counted by kind, with the first unexpected ones in words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self._lock = threading.Lock()

    def count(self, *kinds: str) -> None:
        """Add one to each kind."""
        with self._lock:
            self.counts.update(kinds)

    def object(self, what: str) -> None:
        """Record an unexpected answer."""
        with self._lock:
            self.counts["unexpected"] += 1
            if len(self.unexpected) < _RECORDED:
                self.unexpected.append(what)


def misfit(order: Order, method: str, received: str, answer: Answer | None, also: Fit) -> str:
    """What is wrong with an answer to these orders, or an empty text. None: the connection was cut.

    `received` is the digest of the request's body. `also` is what fits besides, because of other events.
    """
    fit = FITS[order.fault("a")[0]]
    if answer is None:
        return "" if fit.cut or also.cut else "the connection was cut"
    reason = answer.value("X-Httptee-Error")
    if reason is not None:
        if reason not in fit.reasons | also.reasons:
            return f"the tee's own answer {answer.start!r} {reason}"
        return "" if is_own(answer, reason) else f"not as documented: {answer.raw[:300]!r}"
    if not fit.exact and not also.exact:
        return f"an answer in place of an error: {answer.start!r}, body of {len(answer.body)}"
    return difference(answer, order, body(order, method, received) if method != "HEAD" else b"")


def is_own(answer: Answer, reason: str) -> bool:
    """Whether an error is exactly the documented one."""
    status = 504 if reason.endswith("_timeout") else 502
    text = f"{status} {HTTPStatus(status).phrase}: {reason}\n".encode()
    return answer.status == status and answer.body in (text, b"")


def difference(answer: Answer, order: Order, content: bytes) -> str:
    """The first difference between an answer and the one that A sent, or an empty text."""
    if answer.start != "HTTP/1.1 200 OK":
        return f"another status line: {answer.start!r}"
    if end_to_end(answer.headers) != fields(order):
        return f"other header fields: {answer.headers}"
    lengths = answer.values("Content-Length")
    if order.shape == LENGTH and lengths != [str(order.size)]:
        return f"another length: {lengths}"
    if answer.body != content:
        at = next((i for i, (a, b) in enumerate(zip(answer.body, content, strict=False)) if a != b), -1)
        return f"another body: {len(answer.body)} bytes of {len(content)}, the first difference at {at}"
    return ""


def end_to_end(headers: Headers) -> Headers:
    """Header fields without those of the single connection."""
    return [(name, value) for name, value in headers if name.lower() not in _FRAMING]
