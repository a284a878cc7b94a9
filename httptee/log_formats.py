"""How a record of the access log looks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from time import gmtime, localtime, strftime

from httptee.access_log import Record

_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")


def combined(record: Record) -> str:
    """The combined log format; behind it the request's id, A's outcome and time, and every B's."""
    method, target, protocol = record.request
    error = f":{record.error}" if record.error else ""
    a = f"a={record.status}{error}/{record.seconds:.6f}" if not record.refused else f"refused{error}"
    text = (
        f'{record.client or "-"} - - [{_local(int(record.at))}] "{_plain(method)} {_plain(target)} {protocol}" '
        f'{record.status} {record.sent or "-"} "{_plain(record.referer) or "-"}" "{_plain(record.agent) or "-"}" '
        f"id={record.id} total={record.total:.6f} {a}"
    )
    for backend, outcome, detail, seconds in record.outcomes:
        took = "" if outcome == "dropped" else f"/{seconds:.6f}"
        text += f" b={_plain(backend)}:{outcome}:{detail}{took}"
    return text + "\n"


def as_json(record: Record) -> str:
    """One JSON object a line; times in seconds, `time` in UTC."""
    method, target, protocol = record.request
    milliseconds = int(record.at * 1000) % 1000
    found = {
        "time": f"{_utc(int(record.at))}.{milliseconds:03d}Z",
        "id": record.id,
        "client": record.client,
        "method": method,
        "target": target,
        "protocol": protocol,
        "status": record.status,
        "bytes": record.sent,
        "referer": record.referer,
        "user_agent": record.agent,
        "seconds": round(record.total, 6),
        "refused": record.error if record.refused else None,
        "a": None
        if record.refused
        else {"status": record.status, "error": record.error, "seconds": round(record.seconds, 6)},
        "b": [_shadow(*outcome) for outcome in record.outcomes],
    }
    return json.dumps(found, separators=(",", ":")) + "\n"


FORMATS: dict[str, Callable[[Record], str]] = {"combined": combined, "json": as_json}
"""How a record may be written; the names are those of the option's values."""


def _shadow(backend: str, outcome: str, detail: str | int, seconds: float) -> dict[str, str | int | float]:
    if outcome == "delivered":
        return {"backend": backend, "outcome": outcome, "status": detail, "seconds": round(seconds, 6)}
    if outcome == "failed":
        return {"backend": backend, "outcome": outcome, "reason": detail, "seconds": round(seconds, 6)}
    return {"backend": backend, "outcome": outcome, "reason": detail}


@lru_cache(maxsize=8)
def _local(second: int) -> str:
    return strftime("%d/%b/%Y:%H:%M:%S %z", localtime(second))


@lru_cache(maxsize=8)
def _utc(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def _plain(text: str) -> str:
    """The text, whose quotes, backslashes and whatever is not printable ASCII are in hexadecimal, as with nginx."""
    return _NOT_PLAIN.sub(lambda found: f"\\x{ord(found[0]):02X}", text)
