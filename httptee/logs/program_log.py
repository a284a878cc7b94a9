"""The program's own log: where it goes, and how often it repeats a message.

It goes to standard error through a thread of its own: a pipe that nobody reads must not stop the program.

A failure may occur a thousand times a second, and a log that fills a disk is a failure of its own. So a warning or an
error is held back if the same text was logged in the last 10 seconds. The next one says how many were held back.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from time import gmtime, monotonic, strftime

from httptee.logs.line_writer import StreamWriter

logger = logging.getLogger(__name__)

_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_PACKAGE = "httptee"
_STANDARD_ERROR = 2
_WAITING = 1024 * 1024  # bytes of lines that may wait for standard error
_LAST_LINES = 1.0  # seconds to write the last lines
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
        self._removed = 0  # records that were held back, of messages that were removed from `_kinds`

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
                self._removed += self._kinds.pop(next(iter(self._kinds)))[1]
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
            removed, self._removed = self._removed, 0
        if removed:
            logger.warning("%d more warnings held back, each like one that was logged", removed)
        for (name, level, message), held_back in ended.items():
            if held_back:
                logging.getLogger(name).log(level, "%s (%d more like this held back)", message, held_back)


HOLD_BACK = HoldBack()
"""The filter on the program's own log. A tee in another server's process uses that server's log."""


class StandardError(logging.Handler):
    """Passes records to the thread that writes them to standard error. Never waits."""

    def __init__(self) -> None:
        super().__init__()
        self._writer = StreamWriter(_STANDARD_ERROR, _WAITING)
        self._writer.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record. If the queue is full, it is dropped and counted."""
        try:
            line = self.format(record) + "\n"
        except Exception:
            self.handleError(record)
            return
        self._writer.put(line.encode("utf-8", "backslashreplace"))

    def flush(self) -> None:
        """Wait until the records are written, for a second at most."""
        self._writer.flush(_LAST_LINES)

    def close(self) -> None:
        """Write the last records, within a second, and end the thread."""
        self._writer.close(_LAST_LINES)
        super().close()

    def restart(self) -> None:
        """Start the thread of a process that has just been forked."""
        self._writer.start()


class JsonFormatter(logging.Formatter):
    """One JSON object for each record: `time` in UTC, `level`, `logger`, `pid`, `message`, and `exception` if there is
    one. A traceback stays on the line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line of ASCII."""
        fields = {
            "time": f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields)


LOG_FORMATS: dict[str, Callable[[], logging.Formatter]] = {
    "text": lambda: logging.Formatter(_FORMAT),
    "json": JsonFormatter,
}
"""The formats of the program's own log, by the values of `-log-format`."""


def set_up_log(level: int, form: str = "text") -> None:
    """Log to standard error. The libraries log warnings and errors only.

    At a lower level they would log a line for every request that fails.
    """
    handler = StandardError()
    handler.addFilter(HOLD_BACK)
    logging.basicConfig(level=level, handlers=[handler])
    set_log_format(form)
    for library in ("waitress", "urllib3", "requests"):
        logging.getLogger(library).setLevel(logging.WARNING)


def set_log_format(form: str) -> None:
    """Log in this format from now on."""
    for handler in _own_handlers():
        handler.setFormatter(LOG_FORMATS[form]())


def set_up_mounted_log(level: int, form: str = "text") -> None:
    """Log at this level, in another server's process: by that server's handlers if it has set any up for all loggers,
    else to standard error. A level that was set already stays."""
    own = logging.getLogger(_PACKAGE)
    if own.level == logging.NOTSET:
        own.setLevel(level)
    if not own.hasHandlers():
        handler = StandardError()
        handler.addFilter(HOLD_BACK)
        handler.setFormatter(LOG_FORMATS[form]())
        own.addHandler(handler)
        own.propagate = False


def restart_log() -> None:
    """Start the log's thread in a process that has just been forked: later, it may be out of threads."""
    for handler in _own_handlers():
        handler.restart()


def flush_log() -> None:
    """Write the last records, within a second: for a process that ends by `os._exit`, and before other output."""
    for handler in _own_handlers():
        handler.flush()


def close_log() -> None:
    """Write the last records, within a second, and end the log's thread. Nothing is logged after that."""
    for handler in _own_handlers():
        handler.close()


def _own_handlers() -> list[StandardError]:
    both = [*logging.getLogger().handlers, *logging.getLogger(_PACKAGE).handlers]
    return [handler for handler in both if isinstance(handler, StandardError)]
