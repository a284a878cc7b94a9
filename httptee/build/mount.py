"""The tee as a WSGI application in another server."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Callable, Collection

from httptee.app import Tee
from httptee.build.judging import make_judge
from httptee.build.recording import announce_recording, name_recording
from httptee.build.tee import build_ledger, build_tee
from httptee.build.watching import Watching, build_tallies
from httptee.errors import ConfigError
from httptee.ledger import Ledger
from httptee.logs import check_log, flush_log
from httptee.primary import Answering
from httptee.settings import Settings, check_same, check_trust, descriptions, ignored
from httptee.verdict.evidence import check_directory, own_directory, private_directory, remove_private
from httptee.verdict.judge import Judge, JudgeThread, Pace, Reader
from httptee.version import __version__

logger = logging.getLogger(__name__)


def create_app(settings: Settings, given: Collection[str] = ()) -> Tee:
    """The tee as a WSGI application for another server. It drains its shadows when the interpreter exits.

    The settings of the listening side have no effect on the other server (`listen`, `processes` and the like): a
    warning names those that are set, or whose names are in `given`. Raises ConfigError.
    """
    check_same(settings, ())
    check_mounted(settings)
    mount = _Mount(settings)
    logger.info(
        "Starting httptee in another server, process %d, sending to A: %s and B: [%s], version %s",
        os.getpid(), settings.a, " ".join(map(str, settings.b)), __version__,
    )  # fmt: skip
    announce_mounted(settings)
    if unused := ignored(settings, given):
        logger.warning("ignored, because another server runs the tee: %s", ", ".join(f"-{name}" for name in unused))
    at_the_end(mount.end)
    os.register_at_fork(after_in_child=mount.renew, after_in_parent=mount.forked)
    return mount.tee


def check_mounted(settings: Settings) -> None:
    """Raise ConfigError for files and directories that cannot be used."""
    check_trust(settings)
    try:
        check_log(settings.access_log)
        check_directory(settings.verdict)
    except OSError as error:
        option = "-access-log" if error.filename == settings.access_log else "-verdict"
        raise ConfigError(f"cannot write {error.filename} ({option}): {error.strerror}") from None


def announce_mounted(settings: Settings) -> None:
    """Log what is recorded, and the line of each B."""
    announce_recording(settings)
    for description in descriptions(settings):
        logger.info("B %s", description)


def at_the_end(end: Callable[[], object]) -> None:
    """Have `end` called when the interpreter ends, before it waits for its threads."""
    # An atexit function runs too late: the interpreter joins the threads of executors before it. concurrent.futures
    # registers its function here too. The function that registers last runs first.
    getattr(threading, "_register_atexit", atexit.register)(end)


class Mounted:
    """The tee of one process of another server, with its judge. Starts no thread.

    `primary` is A; by default the server that the settings name. `asked` is what the judge asks once more; by default
    that server. `repeats` says, when the judge begins, whether it may. The fields in `left_out` are not compared.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        primary: Answering | None = None,
        asked: Answering | None = None,
        left_out: frozenset[str] = frozenset(),
        repeats: Callable[[], bool] = lambda: True,
    ) -> None:
        self._settings = settings
        self._primary = primary
        self._asked = asked
        self._left_out = left_out
        self._repeats = repeats
        self._ledger = ledger
        self._judge: JudgeThread | None = None
        self._place = ""
        self.tee = self._build()

    def end(self, log: bool = True) -> None:
        """Drain, and log the ledger if `log` is set or it has counted a request."""
        self.tee.close()
        self._ledger.settle_unanswered(0)
        if self._judge is not None:
            self._judge.stop()
        if self._settings.verdict == "memory" and self._place:
            remove_private(self._place)
        if log or self._ledger.primary().answered:
            for line in self._ledger.lines():
                logger.info("%s", line)
        flush_log()

    def _build(self) -> Tee:
        settings, ledger, primary = self._settings, self._ledger, self._primary
        if settings.record and not ledger.recording.name:
            name_recording(settings, ledger, 1, ())
        if settings.verdict == "off":
            return build_tee(settings, ledger, primary=primary)
        tallies = build_tallies(settings)

        def make(reader: Reader, pace: Pace, short_of_memory: Callable[[], bool]) -> Judge:
            made = make_judge(
                settings,
                ledger,
                tallies,
                self._own_place(),
                self._asked,
                repeats=self._repeats(),
                left_out=self._left_out,
            )
            return made(reader, pace, short_of_memory)

        # The judge starts with the first pair: this process may still be forked, and a thread does not survive that.
        self._judge = JudgeThread(make)
        watching = Watching(tallies, self._judge, settings.verdict, self._left_out)
        return build_tee(settings, ledger, watching=watching, primary=primary)

    def _own_place(self) -> str:
        """The directory of the evidence of this process."""
        settings = self._settings
        if not self._place and settings.verdict == "memory":
            self._place = private_directory(settings.verdict_max_bytes)
        elif not self._place:
            self._place = own_directory(settings.verdict)
        logger.info("The answers of each B are compared with A's; the evidence is in %s", self._place)
        return self._place


class _Mount:
    """The tee of a process of another server. A forked process (`gunicorn --preload`) gets a ledger of its own, because
    a row of a ledger has one writer process, and connections of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parent = False
        self._mounted = Mounted(settings, build_ledger(settings))
        self.tee = self._mounted.tee

    def renew(self) -> None:
        """Begin anew in a child process."""
        self._parent = False
        self._mounted = Mounted(self._settings, build_ledger(self._settings))
        vars(self.tee).update(vars(self._mounted.tee))

    def forked(self) -> None:
        """Note that another process may serve in the place of this one."""
        self._parent = True

    def end(self) -> None:
        """Drain, and log the ledger. A process that only started others logs nothing."""
        self._mounted.end(log=not self._parent)
