"""Real servers and load generators: nginx, InfluxDB, gunicorn, waitress-serve, hey, siege."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .net import PATIENCE, eventually, free_port, require
from .process import Program, clean_environment

_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

NGINX = """
daemon off;
worker_processes 1;
{user}
pid {root}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log {root}/access.log combined;
    client_body_temp_path {root}/client; proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
    default_type text/plain;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{port};
        {tls}
        {more}
        root {root}/html;
        location /zipped/ {{ gzip on; gzip_proxied any; gzip_min_length 1; gzip_types text/plain; }}
        location = /nothing {{ return 204; }}
        location = /moved {{ return 302 /elsewhere; }}
    }}
}}
"""

INFLUX = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{root}/meta"
[data]
  dir = "{root}/data"
  wal-dir = "{root}/wal"
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:{port}"
  log-enabled = false
"""


def _answers(url: str) -> bool:
    """Whether a GET is answered with a status below 500."""
    try:
        with _open(url, timeout=PATIENCE) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code < 500
    except OSError:
        return False


@contextmanager
def nginx(root: Path, certificate: str = "", more: str = "") -> Iterator[int]:
    """nginx on a free port, serving `root`/html; the port: with a certificate, that of HTTPS by its defaults.

    `more` is put into the configuration of the server.
    """
    program = require("nginx")
    port = free_port()
    (root / "html").mkdir(parents=True, exist_ok=True)
    user = "user root;" if os.geteuid() == 0 else ""
    config = root / "nginx.conf"
    https = free_port() if certificate else port
    tls = f"listen 127.0.0.1:{https} ssl; ssl_certificate {certificate}; ssl_certificate_key {certificate};"
    config.write_text(NGINX.format(root=root, port=port, user=user, tls=tls if certificate else "", more=more))
    with Program([program, "-p", str(root), "-c", str(config), "-e", "stderr"]):
        eventually(lambda: _answers(f"http://127.0.0.1:{port}/nothing"), "nginx answering")
        yield https


class Influx:
    """One InfluxDB server with its data below `root`; `start` and `stop` may follow one another on the same port."""

    def __init__(self, root: Path) -> None:
        self._program_path = require("influxd")
        self.root = root
        self.port = free_port()
        self._program: Program | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Influx:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.root.mkdir(parents=True, exist_ok=True)
        config = self.root / "influxdb.conf"
        config.write_text(INFLUX.format(root=self.root, port=self.port, rpc=free_port()))
        self._program = Program([self._program_path, "run", "-config", str(config)])
        eventually(lambda: _answers(f"{self.url}/ping"), "InfluxDB answering")

    def stop(self) -> None:
        """End it. May be called twice."""
        if self._program is not None:
            self._program.stop(signal.SIGTERM, code=None)
            self._program = None

    def query(self, statement: str, database: str = "") -> list[list[object]]:
        """The rows of the first series a query yields, asked straight of this server."""
        return influx_query(self.url, statement, database)

    def count(self, database: str, measurement: str) -> int:
        """How many points of a measurement it holds (they must have a field `value`)."""
        rows = self.query(f'SELECT count("value") FROM "{measurement}"', database)
        return int(str(rows[0][1])) if rows else 0


def influx_query(url: str, statement: str, database: str = "") -> list[list[object]]:
    """POST a query to an InfluxDB, or to a tee before one, and return the rows of the first series."""
    data = urllib.parse.urlencode({"q": statement, "db": database}).encode()
    with _open(f"{url}/query", data=data, timeout=PATIENCE) as answer:
        result = json.load(answer)["results"][0]
    assert "error" not in result, result
    series = result.get("series", [])
    rows: list[list[object]] = series[0].get("values", []) if series else []
    return rows


@contextmanager
def mounted(server: str, env: Mapping[str, str], *options: str) -> Iterator[tuple[int, Program]]:
    """`httptee.wsgi:application` under gunicorn or waitress-serve on a free port; yields port and program."""
    port = free_port()
    bind = {"gunicorn": f"--bind=127.0.0.1:{port}", "waitress": f"--listen=127.0.0.1:{port}"}[server]
    command = [sys.executable, "-m", server, bind, *options, "httptee.wsgi:application"]
    with TemporaryDirectory() as home:  # gunicorn keeps a control socket in its home
        program = Program(command, env={"HOME": home, "XDG_RUNTIME_DIR": home, **env})
        try:
            program.wait_for_line(rf"(Listening at|Serving on):? http://127\.0\.0\.1:{port}")
            yield port, program
        except BaseException:
            program.kill()
            print(program.output)
            raise
        # waitress-serve handles SIGINT only; to gunicorn that means in the middle of whatever a worker is doing.
        output = program.stop(signal.SIGTERM if server == "gunicorn" else signal.SIGINT)
    assert "Traceback" not in output, output


def hey(url: str, requests: int, *options: str) -> dict[int, int]:
    """Run hey and return how often each status came."""
    program = require("hey")
    output = run([program, "-n", str(requests), *options, url])
    assert "Error distribution" not in output, output
    return {int(status): int(count) for status, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", output)}


def siege(url: str, clients: int, repetitions: int, home: Path) -> dict[str, float]:
    """Run siege and return its summary by name: transactions, failed_transactions, availability and so on."""
    program = require("siege")
    command = [program, "--benchmark", f"--concurrent={clients}", f"--reps={repetitions}", "--quiet", "--json-output"]
    output = run([*command, url], env={"HOME": str(home)})
    return {name: float(value) for name, value in re.findall(r'"(\w+)":\s*([\d.]+)', output)}


def run(command: list[str], *, env: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a program to its end and return its output, standard error included."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=clean_environment(env),
        timeout=PATIENCE * 4,
        check=False,
        text=True,
        errors="replace",
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout
