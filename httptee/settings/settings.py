"""The settings of the tee, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from httptee.http import Endpoint, Listen
from httptee.http.peers import Proxies
from httptee.journal.engines import is_engine_address
from httptee.selection import Filter
from httptee.settings.backend import Backend, line_fields, shown, words_of
from httptee.settings.casts import default_workers, usable_cores
from httptee.settings.fields import FIELDS

_FILTERS = ("methods", "path", "header")


@dataclass(frozen=True, slots=True)
class RecordOnly:
    """Which requests are recorded: filters of the line of a B, as texts that their casts have accepted."""

    fields: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> RecordOnly:
        """Read the filters. Raises ValueError with the rule."""
        fields = line_fields(words_of(text))
        for name, _ in fields:
            if name not in _FILTERS:
                raise ValueError(f"{name} is no filter; known filters: {', '.join(_FILTERS)}")
        return cls(fields)

    @property
    def filters(self) -> tuple[Filter, ...]:
        """The filters, which a request must all pass."""
        return tuple(FIELDS[name].cast(text) for name, text in self.fields)

    def __str__(self) -> str:
        """The filters for a log or a status page. Values that may be credentials are masked."""
        return " ".join(shown(name, text) for name, text in self.fields)


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """The spool of one B; without a `directory` and an `engine` there is none. With an engine, the address of a topic,
    the directory is that of the outbox in front of it; it may be empty, for one of the tee's own. `max_age` is in
    seconds, `rate` in clones a second or 0, `min_free` a percentage of the disk. `check` is a path on B: see
    `spool/catchup.py`."""

    directory: str
    max_bytes: int = 1 << 30
    max_age: float = 24 * 3600.0
    min_free: float = 5.0
    lane: str = "connection"
    rate: int = 0
    fsync: str = "1s"
    ambiguous: str = "retry"
    full: str = "oldest"
    check: str = ""
    engine: str = ""

    @property
    def wanted(self) -> bool:
        """Whether there is a spool."""
        return bool(self.directory or self.engine)


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. Times are in seconds, sizes in bytes. A test compares the defaults with the option table."""

    listen: Listen = field(default=Listen("", 8888))
    a: Endpoint = field(default=Endpoint("http", "localhost", 8080))
    a_rewrite: bool = False
    a_timeout: float = 2.5
    a_idle_timeout: float = 60.0
    a_keep_alive: float = 30.0
    a_stream_from: int = 65_536
    a_check: str = ""
    a_send_proxy: str = ""
    b: tuple[Backend, ...] = ()
    b_percent: float = 100.0
    b_rewrite: bool = False
    b_timeout: float = 1.0
    b_keep_alive: float = 30.0
    b_workers: int = field(default_factory=default_workers)
    b_backlog: int | None = None
    b_methods: re.Pattern[str] | None = None
    b_max_body: int = 1024 * 1024
    b_max_bytes: int = 64 * 1024 * 1024
    b_breaker_failures: int = 5
    b_probe_interval: float = 1.5
    b_when_a_fails: str = "drop"
    b_cutoff: float = 0.0
    b_rates: str = ""
    b_spool: str = ""
    b_spool_max_bytes: int = 1024**3
    b_spool_max_age: float = 24 * 3600.0
    b_spool_min_free: float = 5.0
    b_spool_lane: str = "connection"
    b_spool_rate: int = 0
    b_spool_fsync: str = "1s"
    b_spool_ambiguous: str = "retry"
    b_spool_full: str = "oldest"
    b_check: str = ""
    dns_ttl: float = 30.0
    max_response_fields: int = 1024
    max_response_header: int = 256 * 1024
    verdict: str = "off"
    verdict_rate: int = 250
    verdict_delta: float = 0.1
    verdict_repeat: int = 2
    verdict_keep: str = "full"
    verdict_max_body: int = 256 * 1024
    verdict_max_bytes: int = 256 * 1024 * 1024
    verdict_max_age: float = 168 * 3600.0
    verdict_reset: bool = False
    instance: str = ""
    record: str = ""
    record_percent: float = 100.0
    record_only: RecordOnly = field(default=RecordOnly())
    record_max_body: int = 1024 * 1024
    record_max_bytes: int = 1024**3
    record_max_age: float = 0.0
    record_min_free: float = 5.0
    record_compress: str = "off"
    record_secret: tuple[str, ...] = ()
    record_keep_secrets: bool = False
    outbox: str = ""
    forward_client_ip: bool = False
    proxy_protocol: Proxies | None = None
    x_forwarded: bool = False
    trusted_proxies: Proxies | None = None
    close_connections: bool = False
    via: bool = True
    allow_same: bool = False
    debug: bool = False
    threads: int = 64
    processes: int = field(default_factory=usable_cores)
    pin: bool = True
    connection_limit: int = 10_000
    max_pending: int = 1000
    max_request_memory: int = 64 * 1024 * 1024
    client_timeout: float = 60.0
    upgrades: int = 1000
    upgrade_idle_timeout: float = 3600.0
    max_request_body: int = 2 * 1024**3
    drain_timeout: float = 5.0
    admin: Listen | None = None
    socket_mode: str = "660"
    socket_owner: str = ""
    control: str = ""
    access_log: str = ""
    access_log_format: str = "combined"
    log_format: str = "text"
    pid_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    key_password_file: str = ""
    tls_handshake_timeout: float = 10.0
    client_ca: str = ""
    client_auth: str = "required"
    client_subject_header: str = ""
    request_id_header: str = ""
    a_ca: str = ""
    a_cert: str = ""
    a_key: str = ""
    a_insecure: bool = False
    a_server_name: str = ""
    b_ca: str = ""
    b_cert: str = ""
    b_key: str = ""
    b_insecure: bool = False
    b_server_name: str = ""

    @property
    def verdict_engine(self) -> str:
        """The address of the topic in which pairs are published for judges elsewhere, or empty."""
        return self.verdict if is_engine_address(self.verdict) else ""

    @property
    def record_engine(self) -> str:
        """The address of the topic that a recording goes to, or empty."""
        return self.record if is_engine_address(self.record) else ""

    @property
    def alone(self) -> bool:
        """Whether the tee is one process, without a supervisor: what goes to an engine needs a process beside it."""
        return self.processes == 1 and not (self.verdict_engine or self.record_engine)
