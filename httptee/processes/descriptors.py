"""The limit of open files: raised at start to what the other limits need, or reported then as too low."""

from __future__ import annotations

import logging
import resource
from dataclasses import replace

from httptee.build import Part
from httptee.settings import Settings
from httptee.shadow import AT_ONCE

logger = logging.getLogger(__name__)

_OTHERS = 128  # the log, epoll sets, pipes, files of large bodies, connections that are being refused
_FEWEST_CONNECTIONS = 16  # per process; with fewer, a tee is useless


class TooFewDescriptorsError(Exception):
    """The limit of open files leaves too few connections for clients. The message is one line."""


def within_descriptors(settings: Settings) -> Settings:
    """Raise the soft limit of open files; return the settings, with fewer connections if the limit stays too low.

    If even the hard limit is too low, a warning says so and the tee accepts fewer connections: a client that gets a 503
    is better than an exchange that fails for lack of a descriptor. Raises TooFewDescriptorsError.
    """
    part = Part(0, settings.processes)  # the largest one
    upstream = (
        _OTHERS
        + part.of(settings.threads, least=1)
        + len(settings.b) * (1 + AT_ONCE) * part.of(settings.b_workers, least=1)
    )
    wanted = upstream + part.of(settings.connection_limit, least=1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return settings
    left = soft - upstream
    complaint = (
        f"{wanted} file descriptors are needed in each process, and the limit is {soft}: raise it "
        "(ulimit -Hn, LimitNOFILE= in systemd) or lower -connection-limit"
    )
    if left < _FEWEST_CONNECTIONS:
        raise TooFewDescriptorsError(complaint)
    fewer = left * settings.processes
    logger.warning("%s; for now the limit is %d connections", complaint, fewer)
    return replace(settings, connection_limit=fewer)
