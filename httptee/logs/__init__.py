"""The access log with its formats, the thread that writes a log, and the program's own log, which limits repeated
messages."""

from httptee.logs.access_log import AccessLog
from httptee.logs.formats import FORMATS
from httptee.logs.line_writer import LineWriter
from httptee.logs.log_file import check_log
from httptee.logs.program_log import (
    HOLD_BACK,
    close_log,
    flush_log,
    restart_log,
    set_log_format,
    set_up_log,
    set_up_mounted_log,
)

__all__ = [
    "FORMATS",
    "HOLD_BACK",
    "AccessLog",
    "LineWriter",
    "check_log",
    "close_log",
    "flush_log",
    "restart_log",
    "set_log_format",
    "set_up_log",
    "set_up_mounted_log",
]
