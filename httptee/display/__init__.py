"""Reports and kept pairs as people and programs read them: a table, one HTML page, a pair side by side, and its request
as a `curl` command or as HAR. Pure, but for `source`, which reads the verdict of a running tee."""

from httptee.display.curl import curl
from httptee.display.har import har
from httptee.display.page import page
from httptee.display.rules import rules_text
from httptee.display.side import side_by_side
from httptee.display.source import Source
from httptee.display.style import Style, harmless
from httptee.display.table import table
from httptee.display.variables import CannotSend

__all__ = [
    "CannotSend",
    "Source",
    "Style",
    "curl",
    "har",
    "harmless",
    "page",
    "rules_text",
    "side_by_side",
    "table",
]
