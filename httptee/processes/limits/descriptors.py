"""The limit of open files: raised at start to what the other limits need, or reported then as too low."""

from __future__ import annotations

import logging
import resource
from bisect import bisect_right
from dataclasses import replace
from ipaddress import ip_address

from httptee.build import Part
from httptee.http import Endpoint
from httptee.server import MOST_HELD, most_leaving
from httptee.settings import Settings, shadow_settings
from httptee.shadow import AT_ONCE

logger = logging.getLogger(__name__)

_OTHERS = 64  # the logs, epoll sets, pipes, the lookup of names, files that a reload reads
_FEWEST_CONNECTIONS = 16  # per process; with fewer, a tee is useless


class TooFewDescriptorsError(Exception):
    """The limit of open files leaves too few connections for clients. The message is one line."""


def within_descriptors(settings: Settings) -> Settings:
    """Raise the soft limit of open files to the hard one; return the settings, with fewer connections if it stays too
    low.

    A warning then says so: a client that gets a 503 is better than an exchange that fails for lack of a descriptor.
    Raises TooFewDescriptorsError.
    """
    part = Part(0, settings.processes)  # the largest one
    most = part.of(settings.connection_limit, least=1)
    upstream = _for_upstreams(settings, part)
    wanted = upstream + _for_clients(most)
    limit = _raised(wanted)
    if limit >= wanted:
        return settings
    left = bisect_right(range(most + 1), limit - upstream, key=_for_clients) - 1
    complaint = (
        f"{wanted} file descriptors are needed in each process, and the limit is {limit}: raise it "
        "(ulimit -Hn, LimitNOFILE= in systemd) or lower -connection-limit"
    )
    if left < _FEWEST_CONNECTIONS:
        raise TooFewDescriptorsError(complaint)
    fewer = left * settings.processes
    logger.warning("%s; for now the limit is %d connections", complaint, fewer)
    return replace(settings, connection_limit=fewer)


def _for_clients(connections: int) -> int:
    """Descriptors that this number of connections may cause: itself, a file for each body, a connection to A for each
    thread that waits for a slow reader, and refused connections that linger."""
    return 2 * connections + min(connections, MOST_HELD) + most_leaving(connections)


def _for_upstreams(settings: Settings, part: Part) -> int:
    """Descriptors that do not depend on the number of clients."""
    to_a = part.of(settings.threads, least=1) * _attempts(settings.a)
    to_bs = sum(
        part.of(shadow.workers, least=1) * (AT_ONCE + _attempts(shadow.endpoint))
        for shadow in shadow_settings(settings)
    )
    return _OTHERS + to_a + to_bs


def _attempts(endpoint: Endpoint) -> int:
    """Sockets for one connection while it is opened. A name may have two addresses (RFC 8305)."""
    if endpoint.socket:
        return 1
    try:
        ip_address(endpoint.host)
    except ValueError:
        return 2
    return 1


def _raised(wanted: int) -> int:
    """Raise the soft limit to the hard one, or to `wanted` if there is no hard one; return the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft != hard:
        soft = max(soft, wanted) if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft
