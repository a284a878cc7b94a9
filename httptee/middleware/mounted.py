"""The tee of one process of another server, with its judge."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable

from httptee.app import Tee
from httptee.build import Watching, announce_recording, build_tallies, build_tee, make_judge, name_recording
from httptee.errors import ConfigError
from httptee.ledger import Ledger
from httptee.logs import check_log, flush_log
from httptee.primary import Answering
from httptee.settings import Settings, check_trust, descriptions
from httptee.verdict.evidence import check_directory, own_directory, private_directory, remove_private
from httptee.verdict.judge import JudgeThread, Pace, Reader, Runs
from httptee.verdict.pairs import Tallies

logger = logging.getLogger(__name__)


def check_mounted(settings: Settings) -> None:
    """Raise ConfigError for files and directories that cannot be used, and for what another server cannot do."""
    check_trust(settings)
    if settings.record_engine:
        raise ConfigError(
            "-record: what records into a topic is a process of the tee, and another server has none: record into a "
            "directory, or run httptee as a server of its own"
        )
    if settings.verdict_engine:
        raise ConfigError(
            "-verdict: pairs are published for other judges only by a tee with a server of its own: "
            "give a directory, or memory"
        )
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
        self.tallies: Tallies | None = None
        """What is counted of the pairs of this process, if its answers are compared."""
        self.place = ""
        """The directory of the evidence of this process; empty before the first pair."""
        self.tee = self._build()

    def end(self) -> None:
        """Drain, and log the ledger if it has counted a request."""
        self.tee.close()
        self._ledger.settle_unanswered(0)
        if self._judge is not None:
            self._judge.stop()
        if self._settings.verdict == "memory" and self.place:
            remove_private(self.place)
        primary = self._ledger.primary()
        if primary.answered or primary.refused_by_reason:
            for line in self._ledger.lines():
                logger.info("%s", line)
        flush_log()

    def _build(self) -> Tee:
        settings, ledger, primary = self._settings, self._ledger, self._primary
        if settings.record and not ledger.recording.name:
            name_recording(settings, ledger, 1, ())
        if settings.verdict == "off":
            return build_tee(settings, ledger, primary=primary)
        self.tallies = tallies = build_tallies(settings)

        def make(reader: Reader, pace: Pace, short_of_memory: Callable[[], bool]) -> Runs:
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
        if not self.place and settings.verdict == "memory":
            self.place = private_directory(settings.verdict_max_bytes)
        elif not self.place:
            self.place = own_directory(settings.verdict)
        logger.info("The answers of each B are compared with A's; the evidence is in %s", self.place)
        return self.place
