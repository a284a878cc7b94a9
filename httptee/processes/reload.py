"""The first step of a reload (SIGHUP): new settings, or one line in the log that says why there are none."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from httptee.errors import ConfigError
from httptee.logs import check_log, set_log_format
from httptee.processes.descriptors import TooFewDescriptorsError, within_descriptors
from httptee.processes.threads import within_threads
from httptee.server import listening_tls
from httptee.settings import Settings, check_same, own_addresses

logger = logging.getLogger(__name__)


class Reread(NamedTuple):
    """The new settings, within the limits of the system and as they were read, and the new TLS context."""

    settings: Settings
    tls: ssl.SSLContext | None
    read: Settings


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
    if settings.listen != current.listen:
        logger.warning(
            "a new listening address needs a restart: %s stays, %s is ignored", current.listen, settings.listen
        )
        settings, read = replace(settings, listen=current.listen), replace(read, listen=current.listen)
    if settings.admin != current.admin:
        logger.warning("a new admin address needs a restart: %s stays, %s is ignored", current.admin, settings.admin)
        settings, read = replace(settings, admin=current.admin), replace(read, admin=current.admin)
    if settings.pid_file != current.pid_file:
        logger.warning("a new -pid-file needs a restart: %s stays", current.pid_file or "none")
        settings, read = replace(settings, pid_file=current.pid_file), replace(read, pid_file=current.pid_file)
    logging.getLogger().setLevel(logging.DEBUG if settings.debug else logging.INFO)
    set_log_format(settings.log_format)
    return Reread(settings, tls, read)
