"""Reports and kept pairs as people and programs read them: a table, one HTML page, a pair side by side, and its request
as a `curl` command or as HAR. Pure, but for `source`, which reads the verdict of a running tee."""

from httptee.verdict.display.aligned import Row, again, aligned, body_lines
from httptee.verdict.display.curl import curl, curl_command
from httptee.verdict.display.har import HAR_HEAD, har, har_entry
from httptee.verdict.display.order import AGAINST, OPEN, by_severity, by_weight, summary
from httptee.verdict.display.page import page
from httptee.verdict.display.rules import rules_text
from httptee.verdict.display.side import request_lines, side_by_side
from httptee.verdict.display.source import Source
from httptee.verdict.display.style import Style, harmless, percent, seconds
from httptee.verdict.display.table import table
from httptee.verdict.display.variables import CannotSend

__all__ = [
    "AGAINST",
    "HAR_HEAD",
    "OPEN",
    "CannotSend",
    "Row",
    "Source",
    "Style",
    "again",
    "aligned",
    "body_lines",
    "by_severity",
    "by_weight",
    "curl",
    "curl_command",
    "har",
    "har_entry",
    "harmless",
    "page",
    "percent",
    "request_lines",
    "rules_text",
    "seconds",
    "side_by_side",
    "summary",
    "table",
]
