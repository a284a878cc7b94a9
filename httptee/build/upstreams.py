"""Builds A and the Bs as upstreams, and what is added to each request."""

from __future__ import annotations

import hashlib
import socket

from httptee.http import Additions, LoopGuard
from httptee.settings import Settings, ShadowSettings, trust_of_a, trust_of_b
from httptee.shadow import AT_ONCE
from httptee.transport import Limits, PoolLimits, Pressure, Reading, Upstream, WireAdapter


def primary_upstream(settings: Settings, threads: int = 1, pressure: Pressure | None = None) -> Upstream:
    """A as an upstream. It keeps at most one idle connection for each thread."""
    trust = trust_of_a(settings)
    limits = _limits(settings, threads, settings.a_keep_alive)
    most = Limits(settings.max_response_header, settings.max_response_fields)
    return Upstream(
        settings.a,
        WireAdapter(
            limits,
            server_name=trust.server_name,
            path=settings.a.socket,
            send_proxy=settings.a_send_proxy,
            pressure=pressure,
            most=most,
        ),
        rewrite_host=settings.a_rewrite,
        close=settings.close_connections,
        trust=trust,
    )


def shadow_upstream(
    settings: Settings, shadow: ShadowSettings, workers: int = 1, reading: Reading | None = None
) -> Upstream:
    """One B as an upstream. It keeps as many connections as its clones can use at a time.

    The bodies of its answers are discarded as they arrive, in the turns that `reading` gives.
    """
    trust = trust_of_b(shadow)
    limits = _limits(settings, (AT_ONCE + 1) * workers, settings.b_keep_alive)
    return Upstream(
        shadow.endpoint,
        WireAdapter(
            limits,
            server_name=trust.server_name,
            path=shadow.endpoint.socket,
            send_proxy=shadow.send_proxy,
            reading=reading or Reading(),
        ),
        rewrite_host=shadow.rewrite_host,
        close=settings.close_connections,
        change=shadow.changes or None,
        trust=trust,
    )


def _limits(settings: Settings, idle: int, keep_alive: float) -> PoolLimits:
    # After a request with `Connection: close`, no other one may follow on its connection (RFC 9112 §9.6).
    return PoolLimits(0 if settings.close_connections else idle, keep_alive, settings.dns_ttl)


def additions(settings: Settings) -> Additions:
    """The header fields that the tee adds to each request for A and B."""
    identity = _identity(settings)
    return Additions(
        f"1.1 httptee ({identity})" if settings.via else "",
        settings.forward_client_ip,
        settings.client_subject_header,
        settings.request_id_header,
        None if settings.via else LoopGuard(identity),
        settings.x_forwarded,
        settings.trusted_proxies,
        settings.upgrades > 0,
    )


def _identity(settings: Settings) -> str:
    """The comment in the Via of this tee (RFC 9110 §7.6.3). It is the same in all processes of this tee, and differs
    for other tees on the path: a request that passed through those is no loop."""
    identity = f"{socket.gethostname()} {settings.listen} {settings.a} {' '.join(map(str, settings.b))}"
    return hashlib.sha256(identity.encode()).hexdigest()[:8]
