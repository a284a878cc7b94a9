"""Where objects are wired, and nowhere else."""

from __future__ import annotations

import hashlib
import socket

from httptee.access_log import AccessLog
from httptee.admin.check import Check
from httptee.app import Tee
from httptee.config import Settings
from httptee.endpoint import Endpoint
from httptee.headers import Additions
from httptee.ledger import Account, Ledger, WorkerAccount
from httptee.line_writer import LineWriter
from httptee.log_formats import FORMATS
from httptee.primary import Primary
from httptee.selection import Selection
from httptee.shadow import Shadow
from httptee.transport.adapter import Timeouts, WireAdapter
from httptee.transport.upstream import Upstream

MAX_BODY_IN_MEMORY = 1024 * 1024
"""Request bodies up to this, in bytes, are held in memory; longer ones stay in a file."""


def build_ledger(settings: Settings, rows: int = 1) -> Ledger:
    """The ledger of a tee with `rows` worker processes; to be built before they are forked."""
    return Ledger([str(endpoint) for endpoint in settings.b], rows)


def build_tee(settings: Settings, ledger: Ledger, row: int = 0, processes: int = 1) -> Tee:
    """The tee of worker `row` out of `processes`, which has its share of all bounds. No thread is started."""
    threads = share(settings.threads, row, processes, least=1)
    account = ledger.worker(row)
    primary = Primary(
        Upstream(
            settings.a, WireAdapter(max_idle=threads), rewrite_host=settings.a_rewrite, close=settings.close_connections
        ),
        Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
        account,
    )
    shadows = [
        _shadow(settings, endpoint, account, row, processes)
        for endpoint, account in zip(settings.b, ledger.accounts(row), strict=True)
    ]
    additions = Additions(_via(settings) if settings.via else "", settings.forward_client_ip)
    in_memory = max(MAX_BODY_IN_MEMORY, settings.b_max_body)
    return Tee(
        primary,
        shadows,
        additions,
        account,
        _access_log(settings, account) if settings.access_log else None,
        in_memory=in_memory,
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
    )


def build_check(settings: Settings) -> Check:
    """A's check, on connections of its own."""
    upstream = Upstream(settings.a, WireAdapter(max_idle=1), rewrite_host=True, close=settings.close_connections)
    return Check(upstream, settings.a_check, settings.a_timeout)


def share(total: int, row: int, processes: int, least: int = 0) -> int:
    """What worker `row` gets of a bound that holds for the whole tee; the first ones get the remainder."""
    return max(least, total // processes + (row < total % processes))


def _shadow(settings: Settings, endpoint: Endpoint, account: Account, row: int, processes: int) -> Shadow:
    workers = share(settings.b_workers, row, processes, least=1)
    return Shadow(
        Upstream(
            endpoint, WireAdapter(max_idle=workers), rewrite_host=settings.b_rewrite, close=settings.close_connections
        ),
        account,
        Selection(settings.b_percent, settings.b_methods, settings.b_max_body),
        workers=workers,
        backlog=share(settings.b_backlog, row, processes),
        timeout=settings.b_timeout,
        drain_timeout=settings.drain_timeout,
    )


def _access_log(settings: Settings, account: WorkerAccount) -> AccessLog:
    writer = LineWriter(settings.access_log, account.log_dropped)
    return AccessLog(writer, FORMATS[settings.access_log_format], len(settings.b))


def _via(settings: Settings) -> str:
    """The Via of this tee (RFC 9110 §7.6.3). The comment tells it from other tees on the way, which are no
    loop, and is the same in all its processes."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {settings.b}"
    return f"1.1 httptee ({hashlib.sha256(identity.encode()).hexdigest()[:8]})"
