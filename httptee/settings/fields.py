"""The fields that may follow the endpoint in the line of one B: a table of names and casts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from httptee.selection import (
    HeaderLine,
    Host,
    PathRewrite,
    Rate,
    Statuses,
    Sticky,
    header_filter,
    methods_filter,
    names_to_remove,
    path_filter,
)
from httptee.settings.casts import (
    SPOOL_AMBIGUOUS,
    SPOOL_FSYNC,
    SPOOL_FULL,
    boolean,
    count_or_auto,
    count_or_none,
    default_workers,
    free_percent,
    lane_name,
    milliseconds,
    milliseconds_or_no_limit,
    milliseconds_or_off,
    one_of,
    or_auto,
    path_or_none,
    percent,
    proxy_version,
    size,
    spool_place,
)
from httptee.verdict.court import Rule, route_template

_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f"must be at most 64 letters, digits, dots, dashes and underscores: {text!r}")
    return text


def _file(text: str) -> str:
    if not text:
        raise ValueError("must be the name of a file")
    return text


def _name(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError(f"must be the name of a host: {text!r}")
    return text


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the line. `cast` makes the value of a text, or raises ValueError with the rule."""

    name: str
    cast: Callable[[str], Any]
    repeatable: bool = False
    boolean: bool = False


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("name", _label),
        Field("percent", percent),
        Field("sticky", Sticky.parse),
        Field("split", _label),
        Field("methods", methods_filter),
        Field("path", path_filter, repeatable=True),
        Field("header", header_filter, repeatable=True),
        Field("only-status", Statuses.parse),
        Field("rate", Rate.parse),
        Field("timeout", milliseconds),
        Field("stream-timeout", milliseconds_or_no_limit),
        Field("workers", partial(or_auto, automatic=default_workers)),
        Field("chan-size", count_or_auto),
        Field("order", partial(one_of, words=("connection",))),
        Field("max-body", size),
        Field("upgrade", partial(one_of, words=("drop", "handshake"))),
        Field("when-a-fails", partial(one_of, words=("drop", "send"))),
        Field("ignore", Rule.parse, repeatable=True),
        Field("accept", Rule.parse, repeatable=True),
        Field("route", route_template, repeatable=True),
        Field("host", Host.parse),
        Field("rewrite", boolean, boolean=True),
        Field("set-header", HeaderLine.parse, repeatable=True),
        Field("add-header", HeaderLine.parse, repeatable=True),
        Field("remove-header", names_to_remove, repeatable=True),
        Field("rewrite-path", PathRewrite.parse, repeatable=True),
        Field("mark", boolean, boolean=True),
        Field("body", boolean, boolean=True),
        Field("idempotent", boolean, boolean=True),
        Field("insecure", boolean, boolean=True),
        Field("allow-same", boolean, boolean=True),
        Field("ca", _file),
        Field("cert", _file),
        Field("key", _file),
        Field("server-name", _name),
        Field("send-proxy", proxy_version),
        Field("spool", spool_place),
        Field("spool.max-bytes", size),
        Field("spool.max-age", milliseconds_or_off),
        Field("spool.min-free", free_percent),
        Field("spool.lane", lane_name),
        Field("spool.rate", count_or_none),
        Field("spool.fsync", partial(one_of, words=SPOOL_FSYNC)),
        Field("spool.ambiguous", partial(one_of, words=SPOOL_AMBIGUOUS)),
        Field("spool.full", partial(one_of, words=SPOOL_FULL)),
        Field("check", path_or_none),
    )
}
