"""What is in force, written as a user writes it: the value of every option, and the whole line of each B. And what a
reload changes, in words for the log: the names of options and of Bs, and never a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from math import inf
from typing import Any

from httptee.http import without_userinfo
from httptee.settings.backend import Backend
from httptee.settings.option import Option
from httptee.settings.options import BY_NAME, OPTIONS
from httptee.settings.settings import Settings
from httptee.settings.shadow_settings import ShadowSettings, backend_names, shadow_settings

IGNORED = (
    "l",
    "a.stream-from",
    "b.spool",
    "b.spool.max-bytes",
    "b.spool.max-age",
    "b.spool.min-free",
    "b.spool.lane",
    "b.spool.rate",
    "b.spool.fsync",
    "b.spool.ambiguous",
    "b.spool.full",
    "b.check",
    "b.rates",
    "processes",
    "no-pin",
    "connection-limit",
    "proxy-protocol",
    "max-pending",
    "client-timeout",
    "upgrades",
    "upgrade-idle-timeout",
    "max-request-memory",
    "instance",
    "control",
    "pid-file",
    "cert.file",
    "key.file",
    "key.password-file",
    "tls-handshake-timeout",
    "client-ca",
    "client-auth",
)
"""Options without effect where another server runs the tee: it has its own listening side and processes."""

OF_A_SERVER_A = (
    "a.check",
    "a.rewrite",
    "a.idle-timeout",
    "a.keep-alive",
    "b.when-a-fails",
    "max-response-fields",
    "max-response-header",
    "threads",
    "max-request-body",
)
"""Further options without effect where A is an application: there is no exchange with a server."""


def effective_options(settings: Settings) -> dict[str, Any]:
    """The value of every option, by its name and in its unit: times in milliseconds, sizes in bytes. Safe to show.

    Paths are shown, but not the content of the files. Everything that looks like a user name and password is masked.
    """
    return {option.name: _written(option, getattr(settings, option.setting)) for option in OPTIONS}


def effective_lines(settings: Settings) -> list[str]:
    """One line for each B: its URL, its own fields, then a field for everything that it takes from an option.

    `-b.methods` has no form as a field, and is written as `b.methods=…`. Credentials are masked.
    """
    shadows = shadow_settings(settings)
    return [
        " ".join(filter(None, (str(backend), backend.described(), *_taken(settings, backend, shadow))))
        for backend, shadow in zip(settings.b, shadows, strict=True)
    ]


def ignored(settings: Settings, given: Collection[str] = (), options: Sequence[str] = IGNORED) -> list[str]:
    """The `options` that are set: those in `given`, and those whose value is not the default."""
    default = Settings()
    fields = {name: BY_NAME[name].setting for name in options}
    return [
        name for name, field in fields.items() if name in given or getattr(settings, field) != getattr(default, field)
    ]


def _written(option: Option, value: Any) -> Any:
    if isinstance(value, bool):
        return not value if option.name.startswith("no-") else value
    if value is None:
        return "auto" if option.default == "auto" else ""
    if option.metavar == "MILLISECONDS":
        return _milliseconds(value)
    if isinstance(value, int | float):
        return value
    if option.repeatable:
        return [f"{one} {one.described()}".rstrip() if isinstance(one, Backend) else one for one in value]
    if value == "" and option.default == "off":
        return "off"
    return without_userinfo(value.pattern if isinstance(value, re.Pattern) else str(value))


def _taken(settings: Settings, backend: Backend, shadow: ShadowSettings) -> Iterator[str]:
    given = {name for name, _ in backend.fields}
    values: dict[str, Any] = {
        "percent": f"{shadow.criteria.percent:g}",
        "b.methods": ""
        if "methods" in given or settings.b_methods is None
        else without_userinfo(settings.b_methods.pattern),
        "max-body": shadow.criteria.max_body,
        "timeout": _milliseconds(shadow.timeout),
        "stream-timeout": "off" if shadow.stream_timeout == inf else _milliseconds(shadow.stream_timeout),
        "workers": shadow.workers,
        "chan-size": "auto" if shadow.backlog is None else shadow.backlog,
        "host": "" if "rewrite" in given else "target" if shadow.rewrite_host else "preserve",
        "when-a-fails": "send" if shadow.sends_unsent else "drop",
        "allow-same": "true" if shadow.allow_same else "",
        "insecure": "true" if shadow.insecure else "",
        "ca": shadow.ca,
        "cert": shadow.cert,
        "key": shadow.key,
        "server-name": shadow.server_name,
        **_spool(shadow),
    }
    for name, value in values.items():
        if name not in given and value != "":
            yield f"{name}={value}"


def _spool(shadow: ShadowSettings) -> dict[str, Any]:
    """The fields of the spool, if there is one."""
    spool = shadow.spool
    if not spool.wanted:
        return {}
    return {
        "spool": spool.engine or spool.directory,
        "spool.max-bytes": spool.max_bytes,
        "spool.max-age": _milliseconds(spool.max_age),
        "spool.min-free": f"{spool.min_free:g}",
        "spool.lane": spool.lane,
        "spool.rate": spool.rate,
        "spool.fsync": spool.fsync,
        "spool.ambiguous": spool.ambiguous,
        "spool.full": spool.full,
        "check": spool.check,
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def differences(old: Settings, new: Settings) -> str:
    """`options changed: a.timeout; B added: canary; B removed: http://b; B changed: next`, as far as it applies."""
    options = [
        option.name
        for option in OPTIONS
        if option.setting != "b" and getattr(old, option.setting) != getattr(new, option.setting)
    ]
    before, after = (dict(zip(backend_names(each.b), each.b, strict=True)) for each in (old, new))
    parts = (
        _part("options changed", options),
        _part("B added", [name for name in after if name not in before]),
        _part("B removed", [name for name in before if name not in after]),
        _part("B changed", [name for name in after if name in before and after[name] != before[name]]),
    )
    return "; ".join(filter(None, parts)) or "no option changed"


def _part(title: str, names: Sequence[str]) -> str:
    return f"{title}: {', '.join(names)}" if names else ""
