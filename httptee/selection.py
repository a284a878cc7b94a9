"""Which requests a B gets."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from httptee.message import FileBody, Request


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules of one B: a share in percent, methods that a regular expression is found in, as the Go tees search, and
    the longest body in bytes."""

    percent: float = 100.0
    methods: re.Pattern[str] | None = None
    max_body: int = 1024 * 1024
    draw: Callable[[], float] = random.random

    def refuses(self, request: Request) -> str | None:
        """The drop reason of a request this B is not to get, or None. One draw a request and B.

        What a filter keeps from B is not part of the share: 10 percent of GETs is 10 percent of GETs.
        """
        if self.methods is not None and not self.methods.search(request.method):
            return "filtered"
        if self.percent < 100 and self.draw() * 100 >= self.percent:
            return "sampled_out"
        if isinstance(request.body, FileBody) or len(request.body) > self.max_body:
            return "too_large"
        return None
