"""The tee of an application, in each process of its server: it begins with the first request there, after any fork."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from os import PathLike
from time import time
from typing import TYPE_CHECKING

from httptee.app import Tee
from httptee.errors import ConfigError
from httptee.ledger import Ledger, Places, WorkerAccount
from httptee.middleware.application import Silent
from httptee.middleware.given import load_in_code
from httptee.middleware.mounted import Mounted, announce_mounted, at_the_end, check_mounted
from httptee.settings import (
    IGNORED,
    OF_A_SERVER_A,
    backend_names,
    check_same,
    ignored,
    shadow_settings,
)
from httptee.version import __version__

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

logger = logging.getLogger(__name__)

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the Prometheus client. Where it is set, the processes count in a file there, and each reads all."""

_OF_THE_SERVER = frozenset({"content-length", "date", "server", "via"})
"""Fields that a server adds to the answers of its application: B's have them, and A's do not."""

_PUBLISHED = 1.0  # seconds between two updates of the gauges


class Inside:
    """The tee in one application. `lines`, `given` and `config` are settings; see `Shadowed`. Raises ConfigError."""

    def __init__(
        self,
        application: Silent,
        lines: Sequence[str],
        given: Mapping[str, object],
        config: str | PathLike[str] | None,
        environ: Mapping[str, str],
    ) -> None:
        self.settings, named = load_in_code(lines, given, config, environ)
        self._asks_over_http = "a" in named
        check_mounted(self.settings)
        if self._asks_over_http:
            check_same(self.settings, ())
        self.most_body = max((shadow.criteria.max_body for shadow in shadow_settings(self.settings)), default=0)
        if self.settings.record:
            self.most_body = max(self.most_body, self.settings.record_max_body)
        self._named = named
        self._application = application
        self._places = _places(backend_names(self.settings.b), environ.get(DIRECTORY, ""))
        self._started = time()
        self._lock = threading.Lock()
        self._pid = 0
        self._tee: Tee | None = None
        self._mounted: Mounted | None = None
        self._account: WorkerAccount | None = None
        self._publish_at = 0.0
        os.register_at_fork(after_in_child=self._forked)

    @property
    def tee(self) -> Tee | None:
        """The tee of this process, which begins with the first call; None if it could not begin."""
        if self._pid != os.getpid():
            self._begin()
        return self._tee

    @property
    def ledger(self) -> Ledger:
        """The ledger of all processes that count together, to be read."""
        return self._places.read()

    def metrics(self) -> Collector:
        """The ledger for a registry of the Prometheus client."""
        from httptee.admin import LedgerCollector  # imported here: most processes are asked for no metrics

        return LedgerCollector(self._places.read, self._started)

    def publish(self, now: float) -> None:
        """Update the gauges of this process, at most once a second."""
        tee, account = self._tee, self._account
        if now < self._publish_at or tee is None or account is None:
            return
        self._publish_at = now + _PUBLISHED
        if tee.budget is not None:
            account.publish(held_bytes=tee.budget.held)
        if tee.cutoff is not None:
            account.publish(cut=round((1 - tee.cutoff.share) * 1e6))
        for shadow in tee.shadows:
            shadow.publish()

    def end(self) -> None:
        """Drain the Bs of this process, and log its ledger. May be called twice, and in a process that never began."""
        mounted, self._mounted = self._mounted, None
        if mounted is not None and self._pid == os.getpid():
            mounted.end(log=False)
            if self._account is not None:
                self._account.publish(pid=0)

    def _forked(self) -> None:
        self._lock = threading.Lock()  # a thread of the parent may have held it

    def _begin(self) -> None:
        """Make the tee of this process. If that fails, the application goes on without it."""
        with self._lock:
            if self._pid == os.getpid():
                return
            self._tee = self._mounted = self._account = None
            try:
                self._build()
            except Exception:
                logger.exception("httptee could not begin in this process: the application goes on without it")
            self._pid = os.getpid()

    def _build(self) -> None:
        ledger = self._places.take()
        asked = None if self._asks_over_http else self._application
        self._mounted = Mounted(
            self.settings,
            ledger,
            self._application,
            asked,
            _OF_THE_SERVER,
            lambda: self._asks_over_http or self._application.may_be_asked,
        )
        self._account = ledger.worker(0)
        self._account.publish(pid=os.getpid(), started=int(time()))
        self._tee = self._mounted.tee
        for register in (at_the_end, atexit.register):  # uWSGI calls only the functions of atexit
            register(self.end)
        self._announce()

    def _announce(self) -> None:
        backends = " ".join(map(str, self.settings.b))
        logger.info(
            "Starting httptee inside an application, process %d, sending to B: [%s], version %s",
            os.getpid(), backends, __version__,
        )  # fmt: skip
        announce_mounted(self.settings)
        if not {"enable-threads", "threads"} & getattr(sys.modules.get("uwsgi"), "opt", {"threads": b""}).keys():
            logger.warning("uWSGI runs no threads: set enable-threads, or clones wait for ever and are dropped")
        unused = ignored(self.settings, self._named, (*IGNORED, *OF_A_SERVER_A))
        if unused:
            logger.warning("ignored, because A is an application: %s", ", ".join(f"-{name}" for name in unused))


def _places(backends: Sequence[str], directory: str) -> Places:
    try:
        return Places(backends, directory)
    except OSError as error:
        raise ConfigError(f"{DIRECTORY}: cannot write in {directory}: {error.strerror}") from None
