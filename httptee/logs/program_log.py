"""The tee's own log: where it goes, and how often it may say the same.

What fails once may fail a thousand times a second, and a log that fills a disk is a fault of its own. So a warning or
an error that says what another has said within the last seconds is held back, and the next one says how many were.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Callable
from time import monotonic

_QUIET = 10.0  # seconds in which the same is said once
_KINDS = 1000  # kept in mind at a time; beyond, the oldest is forgotten


class HoldBack(logging.Filter):
    """Lets a warning or an error pass once in `quiet` seconds. What is the same is the same text from one logger.

    The worker calls `flush` now and then, so that a flood which has ended is counted too.
    """

    def __init__(self, quiet: float = _QUIET, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._quiet = quiet
        self._clock = clock
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, int, str], tuple[float, int]] = {}  # since when it is quiet, how many held back

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record may pass; where others like it were held back, it says so."""
        if record.levelno < logging.WARNING:
            return True
        kind = (record.name, record.levelno, record.getMessage())
        now = self._clock()
        with self._lock:
            since, held_back = self._kinds.pop(kind, (-self._quiet, 0))
            passes = now - since >= self._quiet
            self._kinds[kind] = (now, 0) if passes else (since, held_back + 1)
            if len(self._kinds) > _KINDS:
                del self._kinds[next(iter(self._kinds))]
        if passes and held_back:
            record.msg, record.args = f"{kind[2]} ({held_back} more like this held back)", ()
        return passes

    def flush(self) -> None:
        """Say what was held back in floods that have ended."""
        now = self._clock()
        with self._lock:
            ended = {kind: held for kind, (since, held) in self._kinds.items() if now - since >= self._quiet}
            for kind in ended:
                del self._kinds[kind]
        for (name, level, message), held_back in ended.items():
            if held_back:
                logging.getLogger(name).log(level, "%s (%d more like this held back)", message, held_back)


HOLD_BACK = HoldBack()
"""The filter on the tee's own log; that of another server's process is that server's."""


def set_up_log(level: int) -> None:
    """Log to stderr. The libraries speak up for warnings only: they would log a line for every failing request."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(HOLD_BACK)
    for library in ("waitress", "urllib3", "requests"):
        logging.getLogger(library).setLevel(logging.WARNING)
