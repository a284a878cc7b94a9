"""Where objects are wired, and nowhere else."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Sequence

from httptee.app import Tee
from httptee.breaker import Breaker, BreakerPolicy
from httptee.budget import Budget
from httptee.config import Settings
from httptee.cutoff import Cutoff
from httptee.endpoint import Endpoint
from httptee.headers import Additions
from httptee.ledger import Account, Ledger
from httptee.primary import Primary
from httptee.selection import Selection
from httptee.shadow import Guards, Shadow
from httptee.transport.adapter import Timeouts, WireAdapter
from httptee.transport.upstream import Upstream

MAX_BODY_IN_MEMORY = 1024 * 1024
"""Request bodies up to this, in bytes, are held in memory; longer ones stay in a file."""


def build_ledger(settings: Settings, rows: int = 1, earlier: Sequence[Ledger] = ()) -> Ledger:
    """The ledger of a tee with `rows` worker processes; to be built before they are forked.

    After a reload it goes on from the `earlier` ones.
    """
    return Ledger([str(endpoint) for endpoint in settings.b], rows, earlier)


def build_tee(settings: Settings, ledger: Ledger, row: int = 0, processes: int = 1) -> Tee:
    """The tee of worker `row` out of `processes`, which has its share of all bounds. No thread is started."""
    threads = share(settings.threads, row, processes, least=1)
    primary = Primary(
        Upstream(
            settings.a, WireAdapter(max_idle=threads), rewrite_host=settings.a_rewrite, close=settings.close_connections
        ),
        Timeouts(connect=settings.a_timeout, headers=settings.a_timeout, idle=settings.a_idle_timeout),
    )
    budget = Budget(share(settings.b_max_bytes, row, processes))
    cutoff = Cutoff(settings.b_cutoff) if settings.b_cutoff else None
    policy = BreakerPolicy(failures=settings.b_breaker_failures, longest=settings.b_probe_interval)
    breakers = [
        Breaker(str(endpoint), circuit, policy) for endpoint, circuit in zip(settings.b, ledger.circuits, strict=True)
    ]
    shadows = [
        _shadow(settings, endpoint, account, Guards(breaker, budget, cutoff), row, processes)
        for endpoint, account, breaker in zip(settings.b, ledger.accounts(row), breakers, strict=True)
    ]
    additions = Additions(_via(settings) if settings.via else "", settings.forward_client_ip)
    in_memory = max(MAX_BODY_IN_MEMORY, settings.b_max_body)
    return Tee(
        primary,
        shadows,
        additions,
        in_memory=in_memory,
        max_request_body=settings.max_request_body,
        drain_timeout=settings.drain_timeout,
        cutoff=cutoff,
    )


def share(total: int, row: int, processes: int, least: int = 0) -> int:
    """What worker `row` gets of a bound that holds for the whole tee; the first ones get the remainder."""
    return max(least, total // processes + (row < total % processes))


def _shadow(
    settings: Settings, endpoint: Endpoint, account: Account, guards: Guards, row: int, processes: int
) -> Shadow:
    workers = share(settings.b_workers, row, processes, least=1)
    return Shadow(
        Upstream(
            endpoint, WireAdapter(max_idle=workers), rewrite_host=settings.b_rewrite, close=settings.close_connections
        ),
        account,
        Selection(settings.b_percent, settings.b_methods, settings.b_max_body),
        guards,
        workers=workers,
        backlog=share(settings.b_backlog, row, processes),
        timeout=settings.b_timeout,
        drain_timeout=settings.drain_timeout,
    )


def _via(settings: Settings) -> str:
    """The Via of this tee (RFC 9110 §7.6.3). The comment tells it from other tees on the way, which are no
    loop, and is the same in all its processes."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {settings.b}"
    return f"1.1 httptee ({hashlib.sha256(identity.encode()).hexdigest()[:8]})"
