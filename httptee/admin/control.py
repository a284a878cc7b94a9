"""What `httptee ctl` can order, and what it then says."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import time
from typing import Any

from httptee.admin.check import check_of
from httptee.admin.history import History
from httptee.admin.shares import Share, shares_of
from httptee.admin.status import status
from httptee.errors import ConfigError
from httptee.ledger import COMMANDS, Ledger
from httptee.settings import BY_NAME, Settings

logger = logging.getLogger(__name__)

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OF_THE_FILE = "file"
_PLAIN = re.compile(r"[\w.:/@#%+\[\]-]{1,200}")
_ARGUMENTS = {"pause": 1, "resume": 1, "percent": 2, "log-level": 1}


class Commands:
    """Carries out the commands of the operator. `reload` makes the tee reload; it returns at once.

    Each command is counted, and each but `status` is logged, with who sent it.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, reload: Callable[[], object], started: float | None = None
    ) -> None:
        self.history = History(ledger, recording=ledger.recording.directory or settings.record)
        self._settings = settings
        self._ledger = ledger
        self._reload = reload
        self._started = time() if started is None else started
        self._shares = shares_of(settings, ledger)
        self._check = check_of(replace(settings, a_check=""))

    def obey(self, words: Sequence[str], who: str) -> dict[str, Any]:
        """The result of a command: `done`, a `text` for the operator, and more for programs."""
        command = words[0]
        more: dict[str, Any] = {}
        try:
            if command not in COMMANDS:
                raise ConfigError(f"unknown command {_shown([command])}; the commands are {', '.join(COMMANDS)}")
            if len(words) - 1 != _ARGUMENTS.get(command, 0):
                raise ConfigError(f"{command} takes {_ARGUMENTS.get(command, 0) or 'no'} further words")
            text, more = self._carry_out(command, *words[1:])
        except ConfigError as error:
            if command in COMMANDS:
                self._ledger.control.count(command, "refused")
            logger.warning("control: refused %s: %s (%s)", _shown(words), error, who)
            return {"done": False, "text": str(error)}
        self._ledger.control.count(command, "done")
        if command != "status":
            logger.info("control: %s: %s (%s)", _shown(words), text, who)
        return {"done": True, "text": text, **more}

    def _carry_out(self, command: str, name: str = "", value: str = "") -> tuple[str, dict[str, Any]]:
        if command == "status":
            found = status(self._settings, self._ledger, self.history, self._check, self._started)
            return "", {"status": found}
        if command == "reload":
            before = dict(self._ledger.control.reloads)
            self._reload()
            return "the reload begins", {"reloads": before}
        if command == "log-level":
            return self._log_level(name), {}
        share = self._share(name)
        if command == "percent":
            return self._percent(name, share, value), {}
        share.orders.paused = command == "pause"
        if share.orders.paused:
            return f"{name} gets nothing until it is resumed", {}
        return f"{name} gets {share.percent:g} percent", {}

    def _share(self, name: str) -> Share:
        try:
            return self._shares[name]
        except KeyError:
            known = ", ".join(self._shares) or "there is none"
            raise ConfigError(f"unknown B {_shown([name])}; the Bs: {known}") from None

    def _percent(self, name: str, share: Share, text: str) -> str:
        """Order another share. The share of the line is no order, so a reload may change it."""
        ordered: Any = None
        criteria, orders = share.shadow.criteria, share.orders
        if text != _OF_THE_FILE:
            try:
                ordered = BY_NAME["b.percent"].cast(text)
            except ValueError as error:
                raise ConfigError(f"percent: {error}, or the word {_OF_THE_FILE}") from None
            if criteria.split:
                raise ConfigError(f"{name} has a share of split={criteria.split}: change that in the file")
        orders.percent = None if ordered == criteria.percent else ordered
        said = f"{name} gets {share.percent:g} percent" + ("" if orders.percent is not None else ", as its line says")
        return f"{said}, once it is resumed" if orders.paused else said

    def _log_level(self, word: str) -> str:
        if word not in (*_LEVELS, _OF_THE_FILE):
            raise ConfigError(f"log-level: must be {', '.join(_LEVELS)} or {_OF_THE_FILE}: {_shown([word])}")
        self._ledger.control.level = _LEVELS.get(word, 0)
        return f"the log has level {word}" if word in _LEVELS else "the log has the level that -debug says"


def _shown(words: Sequence[str]) -> str:
    """Words for the log, within a line."""
    return " ".join(word if _PLAIN.fullmatch(word) else repr(word[:200]) for word in words[:8])
