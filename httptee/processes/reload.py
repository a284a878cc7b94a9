"""The first step of a reload (SIGHUP): new settings, or one line in the log that says why there are none."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from httptee.errors import ConfigError
from httptee.ledger import Ledger
from httptee.logs import check_log, set_log_format
from httptee.processes.limits import TooFewDescriptorsError, within_descriptors, within_threads
from httptee.server.sockets import certificate_end, listening_tls
from httptee.settings import Settings, check_same, own_addresses

logger = logging.getLogger(__name__)

_STAYING = {
    "listen": "listening address",
    "admin": "admin address",
    "control": "control socket",
    "socket_mode": "-socket-mode",
    "socket_owner": "-socket-owner",
    "pid_file": "-pid-file",
}
"""What a reload does not change, by the attribute of the settings."""


class Reread(NamedTuple):
    """The new settings, within the limits of the system and as they were read, and the new TLS context with the end of
    its certificate."""

    settings: Settings
    tls: ssl.SSLContext | None
    read: Settings
    certificate_ends: int | None = None


def reread(load: Callable[[], Settings], current: Settings) -> Reread | None:
    """Read the command line, environment, file and certificates again. If they are invalid, log one line and return
    None.

    The listening sockets stay as they are. A new address needs a restart, and a line in the log says so.
    """
    try:
        read = load()
        settings = within_threads(within_descriptors(read))
        tls = listening_tls(settings)
        check_log(settings.access_log)
        check_same(settings, own_addresses(current))
    except (ConfigError, TooFewDescriptorsError) as error:
        logger.error("reload refused, nothing changes: %s", " ".join(str(error).splitlines()))
        return None
    except OSError as error:
        logger.error("reload refused, nothing changes: the access log: %s", error)
        return None
    except Exception:
        logger.exception("reload refused, nothing changes")
        return None
    settings, read = _staying(settings, current, True), _staying(read, current, False)
    set_log_format(settings.log_format)
    return Reread(settings, tls, read, certificate_end(tls, settings.cert_file))


def _staying(new: Settings, current: Settings, said: bool) -> Settings:
    """The new settings with the places that stay until a restart. With `said`, a line in the log names each."""
    for field, what in _STAYING.items():
        old, found = getattr(current, field), getattr(new, field)
        if found != old:
            if said:
                logger.warning(
                    "a new %s needs a restart: %s stays, %s is ignored", what, old or "none", found or "none"
                )
            new = replace(new, **{field: old})
    return new


def follow_level(settings: Settings, ledger: Ledger) -> bool:
    """Give the log of this process the level that was ordered, or else the one of the settings; always True.

    Every process calls it about once a second.
    """
    wanted = ledger.control.level or (logging.DEBUG if settings.debug else logging.INFO)
    root = logging.getLogger()
    if root.level != wanted:
        root.setLevel(wanted)
    return True
