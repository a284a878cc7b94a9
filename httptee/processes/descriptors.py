"""File descriptors: enough for all that the other bounds allow, or a clear word at start, not errors under load."""

from __future__ import annotations

import logging
import resource
from dataclasses import replace

from httptee.build import Part
from httptee.settings import Settings
from httptee.shadow import AT_ONCE

logger = logging.getLogger(__name__)

_OTHERS = 128  # the log, epoll sets, pipes, files of large bodies, connections that are being refused
_FEWEST_CONNECTIONS = 16  # per process; with less than that a tee is of no use


class TooFewDescriptorsError(Exception):
    """The limit leaves next to nothing for clients. The message is one line."""


def within_descriptors(settings: Settings) -> Settings:
    """The settings as far as the process's limit of open files allows, which is raised as far as it may be.

    Where even the hard limit is too low, a warning says so and the tee takes fewer connections: refusing a client in
    words is better than running dry in the middle of an exchange. Raises TooFewDescriptorsError.
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
        f"{wanted} file descriptors are wanted in each process, and the limit is {soft}: raise it "
        "(ulimit -Hn, LimitNOFILE= in systemd) or lower -connection-limit"
    )
    if left < _FEWEST_CONNECTIONS:
        raise TooFewDescriptorsError(complaint)
    fewer = left * settings.processes
    logger.warning("%s; until then the limit is %d connections", complaint, fewer)
    return replace(settings, connection_limit=fewer)
