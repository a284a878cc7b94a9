"""A reverse proxy that answers from server A and shows every request to test servers B, at no risk to A's clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from httptee.app import Tee
    from httptee.settings.settings import Settings

__version__ = "0.1.0"


def create_app(settings: Settings) -> Tee:
    """The tee as a WSGI application for a server of your own; its shadows are drained when the interpreter exits, for
    as long as the drain timeout.

    The settings of the listening side (`listen`, `threads`, `processes` and the like) are that server's business.
    """
    import atexit
    import threading

    from httptee.build import build_ledger, build_tee
    from httptee.settings.trust import check_trust

    check_trust(settings)
    tee = build_tee(settings, build_ledger(settings))
    # What atexit calls comes too late: by then the executors' threads have been waited for, however much B's backlog
    # holds. This is where concurrent.futures itself hooks in, and what hooks in later is called earlier.
    getattr(threading, "_register_atexit", atexit.register)(tee.close)
    return tee
