"""nginx: its configuration as a server and as a tee with `mirror`, and its command line."""

from __future__ import annotations

import os
from pathlib import Path

from .processes import program
from .workspace import Workspace

# nginx writes its temporary files and its pid below the given directory. Started by root, its worker runs under another
# account by default, and that account cannot read a temporary directory.
HEAD = """\
daemon off;
pid {directory}/nginx.pid;
error_log {directory}/error.log error;
{user}
worker_processes 1;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
"""
# Keep-alive to both servers, no log, and nginx's defaults. The short timeouts to B are the usual protection of A's
# clients against a dead B; a healthy B never reaches them.
FRONT = """
    upstream a {{ server 127.0.0.1:{a}; keepalive 512; keepalive_requests 1000000000; }}
    {upstream_b}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    server {{
        {listen}
        location / {{ {mirror} proxy_pass http://a; }}
        {location_b}
    }}
}}
"""
UPSTREAM_B = "upstream b {{ server 127.0.0.1:{b}; keepalive 512; keepalive_requests 1000000000; }}"
LOCATION_B = """
        location = /mirror {
            internal;
            proxy_connect_timeout 1s; proxy_send_timeout 1s; proxy_read_timeout 1s;
            proxy_pass http://b$request_uri;
        }
"""
LISTEN = "listen 127.0.0.1:{port} backlog=4096;"
# The protocols are nginx's default since 1.23.4. An older nginx leaves out TLS 1.3, whose handshakes cost more.
LISTEN_TLS = """listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_certificate {certificate}; ssl_certificate_key {certificate};
        ssl_protocols TLSv1.2 TLSv1.3;"""


def nginx_command(workspace: Workspace, name: str, rest: str, **values: object) -> tuple[list[str], Path]:
    """The command line of an nginx with its own configuration, and its directory."""
    directory = workspace.subdirectory(name)
    user = "user root;" if os.geteuid() == 0 else ""
    text = (HEAD + rest).format(directory=directory, user=user, **values)
    config = directory / "nginx.conf"
    config.write_text(text, encoding="ascii")
    return [program("nginx"), "-p", str(directory), "-c", str(config), "-e", str(directory / "error.log")], directory


def tee_command(
    workspace: Workspace, port: int, a: int, b: int | None, certificate: Path | None = None
) -> tuple[list[str], Path]:
    """The command line of nginx as a proxy, with `mirror` where there is a B, and its directory."""
    listen = (LISTEN_TLS if certificate else LISTEN).format(port=port, certificate=certificate)
    return nginx_command(
        workspace,
        "nginx",
        FRONT,
        listen=listen,
        a=a,
        upstream_b=UPSTREAM_B.format(b=b) if b else "",
        mirror="mirror /mirror; mirror_request_body on;" if b else "",
        location_b=LOCATION_B if b else "",
    )
