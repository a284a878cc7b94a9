"""Reports and kept pairs as people and programs read them: a table, one HTML page, a pair side by side, and its request
as a `curl` command or as HAR. Pure, but for `source`, which reads the verdict of a running tee."""

from httptee.display.curl import curl
from httptee.display.har import har
from httptee.display.page import page
from httptee.display.side import side_by_side
from httptee.display.source import Source
from httptee.display.style import Style
from httptee.display.table import table

__all__ = [
    "Source",
    "Style",
    "curl",
    "har",
    "page",
    "side_by_side",
    "table",
]
