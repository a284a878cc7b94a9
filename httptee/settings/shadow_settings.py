"""The settings of each B: those of its own line, and the `-b.…` options for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from itertools import accumulate
from typing import Any

from httptee.errors import ConfigError
from httptee.http import Endpoint
from httptee.journal.engines import is_engine_address, parse_address
from httptee.selection import AS_IT_IS, NO_CHANGES, SCALE, Changes, Criteria, Filter, Form, Host, methods_search
from httptee.settings.backend import Backend
from httptee.settings.settings import Settings, SpoolSettings
from httptee.verdict.court import Rules

_SPOOL_FIELDS = {"directory": "spool", "check": "check"}
"""The fields of a B's line for settings of the spool; the others are called as the setting."""
_ANY_SIZE = 1 << 62


@dataclass(frozen=True, slots=True)
class ShadowSettings:
    """One B's settings. Times are in seconds. `workers` and `backlog` are for the whole tee, not for one process.
    `sends_unsent`: it also gets clones of requests that A certainly did not get. `ordered`: those of one client's
    connection go out one after another.

    `stream_timeout` is infinite if it is off. With None as its `backlog`, the queue is limited by the budget of all
    clones.
    """

    endpoint: Endpoint
    criteria: Criteria
    timeout: float = 1.0
    stream_timeout: float = 1.0
    workers: int = 16
    backlog: int | None = None
    sends_unsent: bool = False
    ordered: bool = False
    rewrite_host: bool = False
    form: Form = AS_IT_IS
    changes: Changes = NO_CHANGES
    insecure: bool = False
    ca: str = ""
    cert: str = ""
    key: str = ""
    server_name: str = ""
    send_proxy: str = ""
    allow_same: bool = False
    rules: Rules = field(default_factory=Rules)
    spool: SpoolSettings = field(default_factory=lambda: SpoolSettings(""))

    @property
    def name(self) -> str:
        """The name of this B in the log, the ledger and the status."""
        return self.criteria.name


def shadow_settings(settings: Settings) -> tuple[ShadowSettings, ...]:
    """The settings of every B, in order. Raises ConfigError if two Bs contradict each other."""
    shares = zip(settings.b, backend_names(settings.b), _starts(settings), strict=True)
    found = tuple(_one(settings, backend, name, first) for backend, name, first in shares)
    _check_topics(settings, found)
    return found


def _check_topics(settings: Settings, shadows: Sequence[ShadowSettings]) -> None:
    """Raises ConfigError if two uses of an engine have one topic: each would take the messages of the other."""
    said = {"-record": settings.record, "-verdict": settings.verdict}
    said |= {f"the spool of B {shadow.name}": shadow.spool.engine for shadow in shadows}
    users: dict[str, str] = {}
    for user, address in said.items():
        if is_engine_address(address):
            topic = parse_address(address).label
            if topic in users:
                raise ConfigError(f"{topic} is for {users[topic]} and for {user}: each needs a topic of its own")
            users[topic] = user


def record_criteria(settings: Settings) -> Criteria:
    """Which requests are recorded: of those that pass the filters, a share. A body of any length may be recorded."""
    return Criteria("recording", settings.record_percent, filters=settings.record_only.filters, max_body=_ANY_SIZE)


def backend_names(backends: Sequence[Backend]) -> list[str]:
    """A name for each B: its `name`, or its URL with a number if repeated. Raises ConfigError for a repeated name."""
    names: list[str] = []
    for backend in backends:
        given = backend.values("name")
        name = given[0] if given else str(backend)
        if given and name in names:
            raise ConfigError(f"B {backend}: name: {name!r} is already the name of another B")
        again = sum(str(other) == str(backend) and not other.values("name") for other in backends[: len(names)])
        names.append(f"{name}#{again + 1}" if again and not given else name)
    return names


def descriptions(settings: Settings) -> list[str]:
    """One line for each B that has fields. Credentials are masked."""
    named = zip(backend_names(settings.b), settings.b, strict=True)
    return [f"{name}: {backend} {backend.described()}" for name, backend in named if backend.fields]


def _one(settings: Settings, backend: Backend, name: str, first: float) -> ShadowSettings:
    def said(field: str, otherwise: Any) -> Any:
        values = backend.values(field)
        return values[-1] if values else otherwise

    timeout = said("timeout", settings.b_timeout)
    host: Host = said("host", Host.parse("target" if said("rewrite", settings.b_rewrite) else "preserve"))
    return ShadowSettings(
        endpoint=backend.endpoint,
        criteria=Criteria(
            name=name,
            percent=_percent(settings, backend),
            first=first,
            sticky=said("sticky", None),
            split=said("split", ""),
            filters=_filters(settings, backend),
            statuses=said("only-status", None),
            max_body=said("max-body", settings.b_max_body),
            rate=said("rate", None),
            upgrades=said("upgrade", "drop") == "handshake",
        ),
        timeout=timeout,
        stream_timeout=said("stream-timeout", timeout),
        workers=said("workers", settings.b_workers),
        backlog=said("chan-size", settings.b_backlog),
        sends_unsent=said("when-a-fails", settings.b_when_a_fails) == "send",
        ordered=bool(backend.values("order")),
        rewrite_host=host.text == "target",
        form=Form(said("body", True), said("idempotent", False)),
        changes=_changes(backend, None if host.is_word else host),
        **_trust(settings, said),
        send_proxy=said("send-proxy", ""),
        allow_same=said("allow-same", settings.allow_same),
        spool=_spool(settings, backend),
        rules=Rules(*(tuple(backend.values(field)) for field in ("ignore", "accept", "route"))),
    )


def _trust(settings: Settings, said: Callable[[str, Any], Any]) -> dict[str, Any]:
    """How B is verified and what the tee shows it: from the line, or from the options of the same names."""
    cert = said("cert", "")
    return {
        # insecure and ca exclude each other: if the line sets one, the general option for the other does not apply.
        "insecure": said("insecure", settings.b_insecure and not said("ca", "")),
        "ca": said("ca", "" if said("insecure", False) else settings.b_ca),
        # A certificate of B's own has its own key.
        "cert": cert or settings.b_cert,
        "key": said("key", "" if cert else settings.b_key),
        "server_name": said("server-name", settings.b_server_name),
    }


def _changes(backend: Backend, host: Host | None) -> Changes:
    return Changes(
        removed=frozenset().union(*backend.values("remove-header")),
        set=tuple(backend.values("set-header")),
        added=tuple(backend.values("add-header")),
        mark=any(backend.values("mark")),
        host=host,
        rewrites=tuple(backend.values("rewrite-path")),
    )


def _spool(settings: Settings, backend: Backend) -> SpoolSettings:
    """The settings of B's spool: each from the line, or from the option of the same name."""
    found = {}
    for name in (each.name for each in fields(SpoolSettings) if each.name != "engine"):
        line = _SPOOL_FIELDS.get(name, f"spool.{name.replace('_', '-')}")
        given = backend.values(line)
        found[name] = given[-1] if given else getattr(settings, f"b_{line.replace('.', '_').replace('-', '_')}")
    if found["directory"] and "handshake" in backend.values("upgrade"):
        raise ConfigError(f"B {backend}: upgrade=handshake and a spool exclude each other: no handshake is sent later")
    if is_engine_address(found["directory"]):
        found |= {"engine": found["directory"], "directory": settings.outbox and f"{settings.outbox}/spool"}
    return SpoolSettings(**found)


def _filters(settings: Settings, backend: Backend) -> tuple[Filter, ...]:
    methods = backend.values("methods")
    if not methods and settings.b_methods is not None:
        methods = [methods_search(settings.b_methods)]
    return (*methods, *backend.values("path"), *backend.values("header"))


def _percent(settings: Settings, backend: Backend) -> float:
    given: list[float] = backend.values("percent")
    return given[0] if given else settings.b_percent


def _starts(settings: Settings) -> list[float]:
    """Where each B's share begins on the scale: at 0, but side by side for the Bs of one split.

    The last share of a split ends at the end of the scale. So with two Bs, neither moves when the other one grows. With
    more, a B that grows keeps its start and moves only the Bs between it and the last one.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, backend in enumerate(settings.b):
        for group in backend.values("split"):
            groups[group].append(index)
    starts = [0.0] * len(settings.b)
    for group, members in groups.items():
        percents = [_percent(settings, settings.b[index]) for index in members]
        if len({tuple(settings.b[index].values("sticky")) for index in members}) > 1:
            raise ConfigError(f"split={group}: all its Bs must have the same sticky, or none of them")
        if sum(percents) > SCALE + 1e-9:
            raise ConfigError(f"split={group}: its percentages must add up to at most 100: {sum(percents):g}")
        for index, before in zip(members, accumulate(percents, initial=0.0), strict=False):
            starts[index] = before
        if len(members) > 1:
            starts[members[-1]] = SCALE - percents[-1]
    return starts
