"""Whether a B is up or down, and one log line for each change: never one for each failed request."""

from __future__ import annotations

import logging
from time import monotonic

logger = logging.getLogger(__name__)

_FAILURES_TO_BE_DOWN = 3
_SHORTEST_STATE = 1.0  # seconds; a B that fails every other request must not fill the log


class Health:
    """The state of one B as its last exchanges show it.

    Written by many threads without a lock: the worst a lost count can do is to delay a log line by one request.
    """

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._failures = 0
        self._changed = -_SHORTEST_STATE
        self.up = True

    def succeeded(self) -> None:
        """An exchange came to a whole answer."""
        self._failures = 0
        if not self.up and self._may_change():
            self.up = True
            logger.info("B %s is up again", self._backend)

    def failed(self, reason: str) -> None:
        """An exchange did not."""
        self._failures += 1
        if self.up and self._failures >= _FAILURES_TO_BE_DOWN and self._may_change():
            self.up = False
            logger.warning(
                "B %s is down: %d failures in a row, the last one: %s", self._backend, self._failures, reason
            )

    def _may_change(self) -> bool:
        now = monotonic()
        if now - self._changed < _SHORTEST_STATE:
            return False
        self._changed = now
        return True
