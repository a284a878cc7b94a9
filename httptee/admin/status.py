"""The whole state of the tee as one JSON object, for people and scripts."""

from __future__ import annotations

import logging
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from time import time
from typing import Any

from httptee.admin.check import Check
from httptee.admin.history import History, Moment
from httptee.admin.judged import Judged, judge_status, verdict_status
from httptee.admin.processes import Mounting, processes
from httptee.admin.shares import Share, shares_of
from httptee.admin.spools import orphaned_spools, spool_status
from httptee.build import recorded_in
from httptee.ledger import (
    COMMANDS,
    RESULTS,
    Control,
    Latency,
    Ledger,
    PrimaryStatement,
    Statement,
    Worker,
    distinct,
    mean_share,
)
from httptee.ledger.boards import Shipped
from httptee.quick import native
from httptee.recording import SUFFIX, survey
from httptee.settings import Settings, backend_names, effective_lines, effective_options
from httptee.version import __version__

_OF_A_WORKER = ("connections", "tunnels", "in_flight", "waiting")
"""What another server knows of a process, and the tee in it does not."""

_OF_A = ("in_flight", "waiting")

_OF_THE_SUPERVISOR = ("control", "reload", "certificate")


def status(
    settings: Settings,
    ledger: Ledger,
    history: History,
    check: Check,
    started: float,
    judged: Judged | None = None,
    mounting: Mounting | None = None,
) -> dict[str, Any]:
    """The content of /status. `started` is in seconds since the epoch. Times are in seconds, sizes in bytes; the values
    of options are in their own units. `judged` is the verdict, if answers are compared; with `mounting`, the tee runs
    under another server, and what only that one knows is null."""
    primary, moment = ledger.primary(), history.moment()
    workers, shares = ledger.workers(), shares_of(settings, ledger)
    found = {
        "version": __version__,
        "python": platform.python_version(),
        "native": native,
        "host": platform.node(),
        "started": started,
        "uptime": round(time() - started, 3),
        "mounted": None,
        "workers": [asdict(worker) for worker in workers],
        "a": _a(settings, check, workers, primary, moment),
        "b": _shadows(settings, ledger, moment, judged, shares),
        "verdict": judge_status(judged, len(workers) if mounting else None) if judged else None,
        "orphaned_spools": orphaned_spools(share.shadow for share in shares.values()) or None,
        "recording": _recording(settings, ledger, moment),
        "share": mean_share(workers),
        "share_changes": primary.share_changes,
        "log_dropped": primary.log_dropped,
        "unobserved": primary.unobserved,
        "control": _control(settings, ledger.control),
        "reload": _reload(ledger.control),
        "certificate": _certificate(settings, ledger.control),
        "processes": [asdict(process) for process in processes(settings, ledger, judged, mounting)],
        "settings": effective_options(settings),
    }
    return {**found, **_mounted(found, mounting)} if mounting else found


def _mounted(found: dict[str, Any], mounting: Mounting) -> dict[str, Any]:
    """What is different under another server."""
    url = {"url": "this application"} if mounting.of_application else {}
    return {
        "mounted": {
            "runs": "inside an application" if mounting.of_application else "under another server",
            "pid": os.getpid(),
            "counted": "all processes" if mounting.together else "this process alone",
        },
        "workers": [{**worker, **dict.fromkeys(_OF_A_WORKER)} for worker in found["workers"]],
        "a": {**found["a"], **url, **dict.fromkeys(_OF_A)},
        **dict.fromkeys(_OF_THE_SUPERVISOR),
        "settings": {name: value for name, value in found["settings"].items() if name not in mounting.void},
    }


def _control(settings: Settings, control: Control) -> dict[str, Any]:
    """The commands so far, and what else differs from the file than the Bs."""
    level = control.level
    counts = control.commands
    return {
        "path": settings.control or None,
        "log_level": logging.getLevelName(level).lower() if level else None,
        "commands": {command: {result: counts[command, result] for result in RESULTS} for command in COMMANDS},
    }


def _reload(control: Control) -> dict[str, Any]:
    at, done = control.last_reload or (None, None)
    return {"at": at, "done": done, "counts": control.reloads}


def _certificate(settings: Settings, control: Control) -> dict[str, Any] | None:
    return {"file": settings.cert_file, "ends": control.certificate_ends} if settings.cert_file else None


def _a(
    settings: Settings, check: Check, workers: Sequence[Worker], statement: PrimaryStatement, moment: Moment
) -> dict[str, Any]:
    return {
        "url": str(settings.a),
        "check": {"path": check.path, "passes": check.passes, "said": check.said} if check.path else None,
        "in_flight": sum(worker.in_flight for worker in workers),
        "waiting": sum(worker.waiting for worker in workers),
        "answered": statement.answered,
        "answered_by_status": statement.answered_by_status,
        "errors_by_reason": statement.errors_by_reason,
        "refused_by_reason": statement.refused_by_reason,
        "client_gone": statement.client_gone,
        "tunnels": {"open": statement.tunnels.open, **asdict(statement.tunnels)},
        "seconds": _latency(statement.latency),
        "rates": moment.primary_rates(),
        "recent": moment.primary_recent(),
    }


def _shadows(
    settings: Settings, ledger: Ledger, moment: Moment, judged: Judged | None, shares: Mapping[str, Share]
) -> list[dict[str, Any]]:
    statements = ledger.statements()
    names = distinct([statement.backend for statement in statements])
    # A B that a reload removed keeps its account, but has neither address nor line.
    present = distinct(backend_names(settings.b))
    urls = dict(zip(present, map(str, settings.b), strict=True))
    lines = dict(zip(present, effective_lines(settings), strict=True))
    return [
        {
            "name": names[backend],
            "url": urls.get(names[backend]),
            "line": lines.get(names[backend]),
            **_share(shares.get(names[backend])),
            **_shadow(statement, moment, backend, shares.get(names[backend])),
            "verdict": verdict_status(judged, statement.backend) if judged else None,
        }
        for backend, statement in enumerate(statements)
    ]


def _share(share: Share | None) -> dict[str, Any]:
    if share is None:
        return {"percent": None, "orders": None}
    orders = {"paused": share.orders.paused, "percent": share.orders.percent, "rate_part": share.orders.rate_part}
    return {"percent": share.percent, "orders": orders}


def _shadow(statement: Statement, moment: Moment, backend: int, share: Share | None) -> dict[str, Any]:
    return {
        "state": statement.state,
        "in_flight": statement.in_flight,
        "waiting": statement.waiting,
        "oldest": round(moment.oldest(backend), 3),
        "seconds": _latency(statement.latency),
        "rates": moment.shadow_rates(backend),
        "recent": moment.shadow_recent(backend),
        "ledger": {
            "seen": statement.seen,
            "delivered": statement.delivered,
            "delivered_by_status": statement.delivered_by_status,
            "failed": statement.failed,
            "failed_by_reason": statement.failed_by_reason,
            "dropped": statement.dropped,
            "dropped_by_reason": statement.dropped_by_reason,
            "in_flight": statement.in_flight,
            "spooled": statement.spooled,
            "recovered": statement.recovered,
            "handed_over": statement.handed_over,
            "taken_over": statement.taken_over,
        },
        "spool": spool_status(statement, share.shadow.spool.max_bytes if share else None),
    }


def _latency(latency: Latency) -> dict[str, float]:
    count = latency.count
    return {
        "count": count,
        "mean": round(latency.seconds / count, 6) if count else 0.0,
        "p50": round(latency.quantile(0.5), 6),
        "p99": round(latency.quantile(0.99), 6),
    }


def _recording(settings: Settings, ledger: Ledger, moment: Moment) -> dict[str, Any] | None:
    """The recording as one JSON object; None if there is none. Sizes are in bytes, `oldest` in seconds since the epoch,
    `fill` is the part of `-record.max-bytes` that is used, `eta` the seconds until all of it is, at the growth of the
    last minute. If it goes to an engine, the files are those of its outbox, and `shipped` says what became of them."""
    statement, place = ledger.recorded(), ledger.recording
    if not settings.record and not statement.seen:
        return None
    found = survey(place.directory or settings.record, place.suffix or SUFFIX) if settings.record else None
    growth, room = moment.recording_growth(), settings.record_max_bytes - found.size if found else 0
    return {
        "directory": recorded_in(settings),
        "seen": statement.seen,
        "recorded": statement.recorded,
        "not_recorded": statement.not_recorded,
        "not_recorded_by_reason": statement.not_recorded_by_reason,
        "waiting": statement.waiting,
        "held_bytes": statement.held,
        "files": found.files if found else 0,
        "bytes": found.size if found else 0,
        "fill": round(found.size / max(1, settings.record_max_bytes), 4) if found else 0.0,
        "oldest": round(found.oldest, 3) if found else 0.0,
        "eta": round(room / growth, 1) if growth > 0 and room > 0 else None,
        "files_removed": statement.removed,
        "error": found.error if found else "",
        "shipped": _shipped(statement.shipped),
    }


def _shipped(shipped: Shipped | None) -> dict[str, Any] | None:
    """What became of the records of an outbox; None without one."""
    if shipped is None:
        return None
    gaps = [dict(zip(("lost", "first", "last", "reason"), gap, strict=True)) for gap in shipped.gaps]
    counts = {name: getattr(shipped, name) for name in ("left", "shipped", "waiting", "lost", "error")}
    return {**counts, "bytes": shipped.size, "gaps": gaps}
