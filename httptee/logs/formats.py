"""The formats of the access log."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from time import gmtime, localtime, strftime

from httptee.logs.access_log import Record

_NOT_PLAIN = re.compile(r"[^ !#-\[\]-~]")


def combined(record: Record) -> str:
    """The combined log format, followed by the request's id, A's outcome and time, and every B's."""
    method, target, protocol = record.request
    error = f":{record.error}" if record.error else ""
    a = f"a={record.status}{error}/{record.seconds:.6f}" if not record.refused else f"refused{error}"
    text = (
        f'{record.client or "-"} - - [{_local(int(record.at))}] "{_plain(method)} {_plain(target)} {protocol}" '
        f"{record.client_status} {record.sent or '-'} "
        f'"{_plain(record.referer) or "-"}" "{_plain(record.agent) or "-"}" '
        f"id={record.id} total={record.total:.6f} {a}"
    )
    if record.tunnel is not None:
        text += " tunnel={}/{}".format(*record.tunnel)
    for backend, outcome, detail, seconds in record.outcomes:
        took = "" if outcome in ("dropped", "spooled") else f"/{seconds:.6f}"
        text += f" b={_plain(backend)}:{outcome}:{detail}{took}"
    return text + "\n"


def as_json(record: Record) -> str:
    """One JSON object on a line. Times are in seconds, `time` is in UTC."""
    method, target, protocol = record.request
    milliseconds = int(record.at * 1000) % 1000
    if record.refused:
        asked = f'"refused":{_quoted(record.error)},"a":null'
    else:
        asked = (
            f'"refused":null,"a":{{"status":{record.status},"error":{_quoted(record.error)},'
            f'"seconds":{record.seconds:.6f}}}'
        )
    tunnel = '"tunnel":{{"end":"{}","received":{}}},'.format(*record.tunnel) if record.tunnel is not None else ""
    shadows = ",".join([_shadow(*outcome) for outcome in record.outcomes])
    return (
        f'{{"time":"{_utc(int(record.at))}.{milliseconds:03d}Z","id":"{record.id}","client":{_quoted(record.client)},'
        f'"method":{_quoted(method)},"target":{_quoted(target)},"protocol":{_quoted(protocol)},'
        f'"status":{record.client_status},"bytes":{record.sent},"referer":{_quoted(record.referer)},'
        f'"user_agent":{_quoted(record.agent)},"seconds":{record.total:.6f},{asked},{tunnel}"b":[{shadows}]}}\n'
    )


FORMATS: dict[str, Callable[[Record], str]] = {"combined": combined, "json": as_json}
"""The formats of a record, by the values of `-access-log-format`."""


def _shadow(backend: str, outcome: str, detail: str | int, seconds: float) -> str:
    known = f'"backend":{_quoted(backend)},"outcome":"{outcome}"'
    if outcome in ("dropped", "spooled"):
        return f'{{{known},"reason":"{detail}"}}'
    what = f'"status":{detail}' if outcome == "delivered" else f'"reason":"{detail}"'
    return f'{{{known},{what},"seconds":{seconds:.6f}}}'


@lru_cache(maxsize=8)
def _local(second: int) -> str:
    return strftime("%d/%b/%Y:%H:%M:%S %z", localtime(second))


@lru_cache(maxsize=8)
def _utc(second: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))


def _plain(text: str) -> str:
    """The text, with quotes, backslashes and everything but printable ASCII in hexadecimal, as in nginx."""
    return _NOT_PLAIN.sub(lambda found: f"\\x{ord(found[0]):02X}", text)
