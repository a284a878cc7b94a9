"""The whole state of the tee as one JSON object, for people and scripts."""

from __future__ import annotations

import platform
import re
from dataclasses import asdict
from time import time
from typing import Any

from httptee.admin.check import Check
from httptee.admin.history import History
from httptee.http import without_userinfo
from httptee.ledger import Latency, Ledger, Statement, distinct, mean_share
from httptee.settings import OPTIONS, Settings, backend_names
from httptee.version import __version__


def status(settings: Settings, ledger: Ledger, history: History, check: Check, started: float) -> dict[str, Any]:
    """The content of /status. `started` is in seconds since the epoch. Times are in seconds, sizes in bytes."""
    primary = ledger.primary()
    workers = ledger.workers()
    statements = ledger.statements()
    names = distinct([statement.backend for statement in statements])
    # A B that a reload removed keeps its account, but has no address.
    urls = dict(zip(distinct(backend_names(settings.b)), map(str, settings.b), strict=True))
    return {
        "version": __version__,
        "python": platform.python_version(),
        "started": started,
        "uptime": round(time() - started, 3),
        "workers": [asdict(worker) for worker in workers],
        "a": {
            "url": str(settings.a),
            "check": {"path": check.path, "passes": check.passes, "said": check.said} if check.path else None,
            "answered": primary.answered,
            "answered_by_status": primary.answered_by_status,
            "errors_by_reason": primary.errors_by_reason,
            "refused_by_reason": primary.refused_by_reason,
            "client_gone": primary.client_gone,
            "seconds": _latency(primary.latency),
            "rates": history.primary_rates(),
        },
        "b": [
            {
                "name": names[backend],
                "url": urls.get(names[backend]),
                **_shadow(statement, history, backend),
            }
            for backend, statement in enumerate(statements)
        ],
        "share": mean_share(workers),
        "share_changes": primary.share_changes,
        "log_dropped": primary.log_dropped,
        "unobserved": primary.unobserved,
        "settings": shown(settings),
    }


def shown(settings: Settings) -> dict[str, Any]:
    """The settings in force, by their names in `Settings`, safe to show to anyone.

    Paths are shown, but not the content of the files. Everything that looks like a user name and password is removed.
    """
    return {option.setting: _shown(getattr(settings, option.setting)) for option in OPTIONS}


def _shadow(statement: Statement, history: History, backend: int) -> dict[str, Any]:
    return {
        "state": statement.state,
        "in_flight": statement.in_flight,
        "waiting": statement.waiting,
        "oldest": round(history.oldest(backend), 3),
        "seconds": _latency(statement.latency),
        "rates": history.shadow_rates(backend),
        "ledger": {
            "seen": statement.seen,
            "delivered": statement.delivered,
            "delivered_by_status": statement.delivered_by_status,
            "failed": statement.failed,
            "failed_by_reason": statement.failed_by_reason,
            "dropped": statement.dropped,
            "dropped_by_reason": statement.dropped_by_reason,
            "in_flight": statement.in_flight,
        },
    }


def _latency(latency: Latency) -> dict[str, float]:
    count = latency.count
    return {"count": count, "mean": round(latency.seconds / count, 6) if count else 0.0}


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, tuple | list):
        return [_shown(each) for each in value]
    return without_userinfo(value.pattern if isinstance(value, re.Pattern) else str(value))
