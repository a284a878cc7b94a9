"""The tee of an application, in each process of its server: it begins with the first request there, after any fork."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from os import PathLike

from httptee.app import Tee
from httptee.ledger import Ledger
from httptee.middleware.application import Silent
from httptee.middleware.each_process import EachProcess
from httptee.middleware.given import load_in_code
from httptee.middleware.mounted import Mounted, announce_mounted, check_mounted
from httptee.settings import IGNORED, OF_A_SERVER_A, check_same, ignored, shadow_settings
from httptee.version import __version__

logger = logging.getLogger(__name__)

_OF_THE_SERVER = frozenset({"content-length", "date", "server", "via"})
"""Fields that a server adds to the answers of its application: B's have them, and A's do not."""


class Inside(EachProcess):
    """The tee in one application. `lines`, `given` and `config` are settings; see `Shadowed`. Raises ConfigError."""

    of_application = True

    def __init__(
        self,
        application: Silent,
        lines: Sequence[str],
        given: Mapping[str, object],
        config: str | PathLike[str] | None,
        environ: Mapping[str, str],
    ) -> None:
        settings, named = load_in_code(lines, given, config, environ)
        self._asks_over_http = "a" in named
        check_mounted(settings)
        if self._asks_over_http:
            check_same(settings, ())
        super().__init__(settings, environ)
        self.most_body = max((shadow.criteria.max_body for shadow in shadow_settings(settings)), default=0)
        if settings.record:
            self.most_body = max(self.most_body, settings.record_max_body)
        self._named = named
        self._application = application

    @property
    def tee(self) -> Tee | None:
        """The tee of this process, which begins with the first call; None if it could not begin."""
        if self._pid != os.getpid():
            try:
                self.begin()
            except Exception:
                logger.exception("httptee could not begin in this process: the application goes on without it")
                self._pid = os.getpid()
        return self._tee

    def build(self, ledger: Ledger) -> Mounted:
        """The tee with the application as A."""
        asked = None if self._asks_over_http else self._application
        mounted = Mounted(
            self.settings,
            ledger,
            self._application,
            asked,
            _OF_THE_SERVER,
            lambda: self._asks_over_http or self._application.may_be_asked,
        )
        self._announce()
        return mounted

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
