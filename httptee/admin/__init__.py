"""The pages and metrics of the admin listener, and the control socket. `Admin` is the WSGI application of the pages,
`AdminSide` what serves them, `Hour` the memory of the last hour, `check_of` builds the check of A. `Mounting` says how
the tee runs under another server. `Commands` carries out what `ControlServer` reads from its socket."""

from httptee.admin.application import Admin
from httptee.admin.check import check_of
from httptee.admin.control import Commands
from httptee.admin.control_server import ControlServer
from httptee.admin.hour import Hour
from httptee.admin.judged import Judged, judged
from httptee.admin.metrics import CONTENT_TYPE, LedgerCollector, exposition
from httptee.admin.processes import Mounting
from httptee.admin.serving import AdminSide
from httptee.admin.verdict_metrics import Shown, verdict_metrics

__all__ = [
    "CONTENT_TYPE",
    "Admin",
    "AdminSide",
    "Commands",
    "ControlServer",
    "Hour",
    "Judged",
    "LedgerCollector",
    "Mounting",
    "Shown",
    "check_of",
    "exposition",
    "judged",
    "verdict_metrics",
]
