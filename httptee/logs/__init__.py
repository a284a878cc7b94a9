"""The access log with its formats and its writer thread, and the program's own log, which limits repeated messages."""

from httptee.logs.access_log import AccessLog
from httptee.logs.formats import FORMATS
from httptee.logs.line_writer import LineWriter, check_log
from httptee.logs.program_log import HOLD_BACK, set_up_log

__all__ = [
    "FORMATS",
    "HOLD_BACK",
    "AccessLog",
    "LineWriter",
    "check_log",
    "set_up_log",
]
