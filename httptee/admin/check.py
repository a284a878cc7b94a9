"""Whether A passes its check: a GET every few seconds, by the admin listener and by nobody else."""

from __future__ import annotations

import threading
from dataclasses import replace

from httptee.build import primary_upstream
from httptee.errors import upstream_error
from httptee.http import Request
from httptee.settings import Settings
from httptee.transport import Timeouts, Upstream

_INTERVAL = 2.0  # seconds
_WELL = range(200, 400)


class Check:
    """Asks A for `path` and takes 2xx and 3xx for well. Without a path everything is well."""

    def __init__(self, upstream: Upstream, path: str, timeout: float) -> None:
        self.path = path
        self.passes = not path
        self.said = "" if not path else "not asked yet"
        self._upstream = upstream
        self._timeouts = Timeouts(connect=timeout, headers=timeout, idle=timeout, whole=timeout)
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="check", daemon=True)

    def start(self) -> None:
        """Ask from now on, in a thread."""
        if self.path:
            self._thread.start()

    def stop(self) -> None:
        """Ask no more. An exchange that hangs is not waited for."""
        self._stopping.set()
        self._upstream.close()

    def wait(self) -> None:
        """Wait for the first answer where it is on its way: after a reload nobody is to hear that A was not asked."""
        if self._thread.is_alive():
            self._asked.wait(self._timeouts.whole)

    def ask(self) -> None:
        """Ask once."""
        request = Request("GET", self.path, [("User-Agent", "httptee-check")], b"", "", "http")
        try:
            answer = self._upstream.send(request, self._timeouts)
            answer.raw.close()
        except Exception as error:
            self.passes, self.said = False, upstream_error(error).reason
        else:
            self.passes, self.said = answer.status_code in _WELL, str(answer.status_code)
        self._asked.set()

    def _run(self) -> None:
        while True:
            self.ask()
            if self._stopping.wait(_INTERVAL):
                return


def check_of(settings: Settings) -> Check:
    """The check of A, on connections of its own. Host is A's own, since no client sent one."""
    return Check(primary_upstream(replace(settings, a_rewrite=True)), settings.a_check, settings.a_timeout)
