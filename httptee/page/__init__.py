"""The page of the admin listener for people, as HTML: A and every B now and over the last hour, the verdict with its
evidence, and the configuration. It only reads. `Page` answers its paths from a `View`."""

from httptee.page.answers import respond, text
from httptee.page.fleet import FleetPage, FleetView
from httptee.page.hosts import MISDIRECTED, is_loopback, is_own_name
from httptee.page.page import Page
from httptee.page.plots import Curve
from httptee.page.served import Served
from httptee.page.templating import prepare
from httptee.page.view import View

__all__ = [
    "MISDIRECTED",
    "Curve",
    "FleetPage",
    "FleetView",
    "Page",
    "Served",
    "View",
    "is_loopback",
    "is_own_name",
    "prepare",
    "respond",
    "text",
]
