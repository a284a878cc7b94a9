"""The program's own log: where it goes, and how often it repeats a message.

A failure may occur a thousand times a second, and a log that fills a disk is a failure of its own. So a warning or an
error is held back if the same text was logged in the last 10 seconds. The next one says how many were held back.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from time import monotonic

_QUIET = 10.0  # seconds in which a message passes once
_MOST_MESSAGES = 1000  # different messages that are stored; above that, the oldest is removed


class HoldBack(logging.Filter):
    """Lets a warning or an error pass once in `quiet` seconds. Two are the same if logger, level and text are the same.

    A worker process calls `flush` about once a second, so that the records of a flood that has ended are counted too.
    """

    def __init__(self, quiet: float = _QUIET, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._quiet = quiet
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}  # when it passed, how many were held back since

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass. If equal records were held back before it, their number is added to it."""
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, record.getMessage())
        now = self._clock()
        with self._lock:
            since, held_back = self._kinds.pop(kind, (-self._quiet, 0))
            passes = now - since >= self._quiet
            self._kinds[kind] = (now, 0) if passes else (since, held_back + 1)
            if len(self._kinds) > _MOST_MESSAGES:
                del self._kinds[next(iter(self._kinds))]
        if passes and held_back:
            record.msg, record.args = f"{kind[2]} ({held_back} more like this held back)", ()
        return passes

    def flush(self) -> None:
        """Log how many records were held back in floods that have ended."""
        now = self._clock()
        with self._lock:
            ended = {kind: held for kind, (since, held) in self._kinds.items() if now - since >= self._quiet}
            for kind in ended:
                del self._kinds[kind]
        for (name, level, message), held_back in ended.items():
            if held_back:
                logging.getLogger(name).log(level, "%s (%d more like this held back)", message, held_back)


HOLD_BACK = HoldBack()
"""The filter on the program's own log. A tee in another server's process uses that server's log."""


def set_up_log(level: int) -> None:
    """Log to stderr. The libraries log warnings and errors only.

    At a lower level they would log a line for every request that fails.
    """
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(HOLD_BACK)
    for library in ("waitress", "urllib3", "requests"):
        logging.getLogger(library).setLevel(logging.WARNING)
