"""Whether A passes its check: a GET every 2 seconds, from the admin listener only."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from httptee.build import primary_upstream
from httptee.errors import upstream_error
from httptee.http import Request
from httptee.settings import Settings
from httptee.transport import Timeouts, Upstream

logger = logging.getLogger(__name__)

_INTERVAL = 2.0  # seconds
_PASSING = range(200, 400)


class Check:
    """Sends a GET for `path` to A; 2xx and 3xx pass. Without a path, the check always passes."""

    def __init__(self, upstream: Upstream, path: str, timeout: float) -> None:
        self.path = path
        self.passes = not path
        self.said = "" if not path else "no answer yet"
        self._upstream = upstream
        self._timeouts = Timeouts(connect=timeout, headers=timeout, idle=timeout, whole=timeout)
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="check", daemon=True)

    def start(self) -> None:
        """Start the checks, in a thread. Called again about once a second, in case it could not be started."""
        if self.path and self._thread.ident is None and not self._stopping.is_set():
            try:
                self._thread.start()
            except (RuntimeError, MemoryError):
                logger.warning("the process may start no more threads: the check of A is tried again")

    def stop(self) -> None:
        """End the checks, without waiting for an exchange in flight."""
        self._stopping.set()
        self._upstream.close()

    def wait(self) -> None:
        """Wait for the first result, up to the timeout, if the checks have started.

        Without this, /readyz would fail for a moment after each reload.
        """
        if self._thread.is_alive():
            self._asked.wait(self._timeouts.whole)

    def ask(self) -> None:
        """Check once."""
        request = Request("GET", self.path, [("User-Agent", "httptee-check")], b"", "", "http")
        try:
            answer = self._upstream.send(request, self._timeouts)
            answer.raw.close()
        except Exception as error:
            self.passes, self.said = False, upstream_error(error).reason
        else:
            self.passes, self.said = answer.status_code in _PASSING, str(answer.status_code)
        self._asked.set()

    def _run(self) -> None:
        while True:
            self.ask()
            if self._stopping.wait(_INTERVAL):
                return


def check_of(settings: Settings) -> Check:
    """The check of A, on connections of its own. Host is A's own, because there is no client's."""
    return Check(primary_upstream(replace(settings, a_rewrite=True)), settings.a_check, settings.a_timeout)
