"""Whether what a client got is what it may get. Anything else is unexpected, and is written down."""

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
_WRITTEN_DOWN = 20  # unexpected answers; the others are only counted

A_AWAY, WORKER_KILLED = "A is away", "a worker was killed"
WHILE_AWAY = Fit(reasons=frozenset({"primary_connect", "primary_reset", "primary_timeout"}), cut=True)
"""What besides fits a request that was under way while A was away."""


class Windows:
    """When what happened that excuses an answer. Times are those of the monotonic clock."""

    def __init__(self) -> None:
        self._spans: list[tuple[str, float, float]] = []
        self._lock = threading.Lock()

    @contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Around what happens."""
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
        """Whether it has happened, or went on, between `since` and now."""
        with self._lock:
            return any(each == what and end >= since for each, _, end in reversed(self._spans))


class Tally:
    """What the clients of one run got, counted by kind, with the first unexpected answers in words."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self._lock = threading.Lock()

    def count(self, *kinds: str) -> None:
        """One more of each kind."""
        with self._lock:
            self.counts.update(kinds)

    def object(self, what: str) -> None:
        """Note an answer that must not be."""
        with self._lock:
            self.counts["unexpected"] += 1
            if len(self.unexpected) < _WRITTEN_DOWN:
                self.unexpected.append(what)


def misfit(order: Order, method: str, received: str, answer: Answer | None, also: Fit) -> str:
    """What is wrong with an answer (None: the connection was cut) to these orders, empty where it fits.

    `received` is the digest of the request body that was sent, `also` what the circumstances allow besides.
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
    """Whether an error is to the letter as the tee documents it."""
    status = 504 if reason.endswith("_timeout") else 502
    text = f"{status} {HTTPStatus(status).phrase}: {reason}\n".encode()
    return answer.status == status and answer.body in (text, b"")


def difference(answer: Answer, order: Order, content: bytes) -> str:
    """In what an answer is not the one that A sent, empty where it is that."""
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
    """Header fields without those that each connection has its own of."""
    return [(name, value) for name, value in headers if name.lower() not in _FRAMING]
