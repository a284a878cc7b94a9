"""The verdict on real servers: nginx, Python's own server, InfluxDB, a world in two processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client import RawClient
from tests.support.net import eventually, free_port
from tests.support.process import Program
from tests.support.programs import Influx, influx_query, nginx
from tests.support.tee import Tee
from tests.support.verdicts import command, fed, findings, latencies, until
from tests.worlds import SERVICES
from tests.worlds.clients import sent

pytestmark = [pytest.mark.integration, pytest.mark.alone]

OFTEN = ("-verdict.repeat", "100")
SHOP = SERVICES["shop"]
STAMP = 1_700_000_000


def site(root: Path) -> Path:
    """The files of a site, with the same times in each copy."""
    html = root / "html"
    html.mkdir(parents=True)
    (html / "index.html").write_text("<html><title>Front</title><p>Hello</p></html>\n")
    (html / "data.json").write_text(json.dumps({"items": [{"id": each, "price": each / 4} for each in range(40)]}))
    (html / "notes.txt").write_text("a line\n" * 200)
    (html / "zipped").mkdir()
    (html / "zipped" / "page.txt").write_text("the same line again\n" * 100)
    for file in html.rglob("*"):
        os.utime(file, (STAMP, STAMP))
    return root


def asks(tee: Tee, targets: list[str], times: int = 1) -> None:
    """GET each target so many times on one connection, with a pause that leaves the processor to the servers."""
    with RawClient(tee.port) as client:
        for _ in range(times):
            for target in targets:
                client.ask(target=target, headers=[("Accept-Encoding", "gzip")])
                time.sleep(0.002)


@contextmanager
def python_server(root: Path) -> Iterator[int]:
    port = free_port()
    words = ["-m", "http.server", "--bind", "127.0.0.1", "-p", "HTTP/1.1", "-d", str(root / "html"), str(port)]
    with Program([sys.executable, *words]) as program:
        program.wait_for_line("Serving HTTP")
        yield port
        program.stop(signal.SIGINT)


def test_two_nginx_with_the_same_files_are_the_same(tmp_path: Path) -> None:
    routes = ["/", "/data.json", "/notes.txt", "/zipped/page.txt", "/nothing", "/missing"]
    with (
        nginx(site(tmp_path / "a")) as a,
        nginx(site(tmp_path / "b")) as b,
        Tee(*tee_words(a, b, tmp_path), "-verdict.delta", "1", "-processes", "1") as tee,
    ):
        found = until(tmp_path / "verdict", lambda: asks(tee, routes, 20), "YES")
        assert findings(tmp_path / "verdict") == {}
        assert set(latencies(tmp_path / "verdict").values()) == {"within"}
        assert found["judged"] == sum(route["equal"] for route in found["routes"])
        assert "YES  B canary: B answers as A does" in command(str(tmp_path / "verdict"), code=0)


def tee_words(a: int, b: int, tmp_path: Path, line: str = "") -> tuple[str, ...]:
    (tmp_path / "verdict").mkdir(exist_ok=True)
    backend = f"http://127.0.0.1:{b} name=canary {line}"
    return ("-a", f"http://127.0.0.1:{a}", "-b", backend, "-verdict", str(tmp_path / "verdict"), *OFTEN)


EVERYWHERE = {("header", "server", "value"): "constant"}
FILE = {("header", "accept-ranges", "missing"): "differs", ("header", "etag", "missing"): "differs", **EVERYWHERE}
ERROR_PAGE = {
    **EVERYWHERE,
    ("header", "content-type", "value"): "constant",
    ("body", "/html/@lang", "extra"): "differs",
    ("body", "/html/head/meta", "extra"): "differs",
    ("body", "/html/head/title/text()", "value"): "constant",
    ("body", "/html/body/center", "missing"): "differs",
    ("body", "/html/body/h1", "extra"): "differs",
    ("body", "/html/body/hr", "missing"): "differs",
    ("body", "/html/body/p", "extra"): "differs",
}
PYTHON_S_OWN = {
    "GET /": FILE,
    "GET /data.json": {**FILE, ("header", "content-type", "value"): "constant"},
    "GET /notes.txt": FILE,
    "GET /missing": ERROR_PAGE,
}


def decided(tee: Tee, directory: Path, targets: list[str]) -> dict[str, dict[tuple[str, str, str], str]]:
    """What is found in each route, once nothing is undecided."""
    until(directory, lambda: asks(tee, targets, 20), "NO")

    def probe() -> dict[tuple[str, str, str, str], str]:
        asks(tee, targets, 5)
        found = findings(directory)
        return {} if "undecided" in found.values() else found

    by_route: dict[str, dict[tuple[str, str, str], str]] = {}
    for (route, *key), label in eventually(probe, "a decision on all differences").items():
        by_route.setdefault(route, {})[key[0], key[1], key[2]] = label
    return by_route


def test_what_python_s_own_server_does_differently_is_named_and_nothing_else(tmp_path: Path) -> None:
    with (
        nginx(site(tmp_path / "a")) as a,
        python_server(site(tmp_path / "b")) as b,
        Tee(*tee_words(a, b, tmp_path, "workers=2 timeout=20000")) as tee,  # its backlog is 5 connections
    ):
        found = decided(tee, tmp_path / "verdict", ["/", "/data.json", "/notes.txt", "/missing"])
        assert found == PYTHON_S_OWN
        said = command(str(tmp_path / "verdict"), code=1)
        assert "NO  B canary: GET / differs in header" in said
        assert "to silence it: accept='header server'" in said
        assert "to silence it: accept='GET /data.json header content-type'" in said


def test_what_another_configuration_of_nginx_does_differently_is_named_and_nothing_else(tmp_path: Path) -> None:
    other = "etag off; location = /notes.txt { add_header Cache-Control max-age=60; } location = /data.json "
    other += (
        "{ default_type application/json; gzip on; gzip_proxied any; gzip_min_length 1; gzip_types application/json; }"
    )
    with (
        nginx(site(tmp_path / "a")) as a,
        nginx(site(tmp_path / "b"), more=other) as b,
        Tee(*tee_words(a, b, tmp_path)) as tee,
    ):
        found = decided(tee, tmp_path / "verdict", ["/", "/data.json", "/notes.txt", "/zipped/page.txt", "/missing"])
        no_etag = {("header", "etag", "missing"): "differs"}
        assert found == {
            "GET /": no_etag,
            "GET /notes.txt": {**no_etag, ("header", "cache-control", "extra"): "differs"},
            "GET /zipped/page.txt": no_etag,
            "GET /data.json": {
                **no_etag,
                ("header", "content-type", "value"): "constant",
                ("header", "accept-ranges", "missing"): "differs",
            },
        }


def test_a_world_against_itself_in_two_processes_has_no_differences(tmp_path: Path) -> None:
    (tmp_path / "verdict").mkdir()
    words = [sys.executable, "-m", "tests.worlds", "--hits", str(tmp_path / "hits"), "--instant"]
    with Program([*words, "--side", "a"]) as a, Program([*words, "--side", "b"]) as b:
        one, other = (program.wait_for_line(r"http://127\.0\.0\.1:\d+")[0][0] for program in (a, b))
        words = ["-a", one, "-b", f"{other} name=canary", "-verdict", str(tmp_path / "verdict"), *OFTEN]
        with Tee(*words) as tee:
            seeds = itertools.count(1)

            def traffic() -> None:
                assert sent(tee.url, SHOP, 500, next(seeds), rate=250.0, connections=8)[0] == 0

            fed(tmp_path / "verdict", traffic, 1400)
            labels = findings(tmp_path / "verdict").values()
            assert "constant" in labels
            assert "differs" not in labels
            assert not [one for one in latencies(tmp_path / "verdict").values() if one.startswith("slower")]
        for program in (a, b):
            program.stop(signal.SIGINT)


def points(tee: Tee, first: int, count: int) -> None:
    """Write points with explicit times, and query them."""
    with RawClient(tee.port) as client:
        for each in range(first, first + count):
            body = f"temperature,room=r{each % 7} value={each} {each}\n".encode()
            assert client.ask("POST", "/write?db=load&precision=s", body=body).status == 204
            time.sleep(0.01)
            statement = f'SELECT "value" FROM "temperature" WHERE time <= {each // 10 * 10 - 10}s'
            query = urllib.parse.urlencode({"db": "load", "q": statement})
            assert client.ask(target=f"/query?{query}").status == 200
            time.sleep(0.01)


def test_two_influxdb_servers_under_writes_and_queries_are_the_same(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b:
        for server in (a, b):
            influx_query(server.url, "CREATE DATABASE load")
        with Tee(*tee_words(a.port, b.port, tmp_path), "-verdict.delta", "1", "-processes", "1") as tee:
            written = iter(range(1, 100_000, 20))
            # 472 pairs of a route are enough where all are equal, 717 with one read that came before its write.
            found = until(tmp_path / "verdict", lambda: points(tee, next(written), 20), "YES")
            assert all(route["bound"] <= 0.01 for route in found["routes"])
            assert {*findings(tmp_path / "verdict").values()} <= {"late", "noise", "undecided"}
            assert set(latencies(tmp_path / "verdict")) == {"POST /write", "GET /query"}


def test_a_retention_policy_that_drops_points_is_found_in_the_queries(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b:
        influx_query(a.url, "CREATE DATABASE load")
        influx_query(b.url, "CREATE DATABASE load WITH DURATION 1h")
        with Tee(*tee_words(a.port, b.port, tmp_path)) as tee:
            written = iter(range(1, 100_000, 10))
            found = until(tmp_path / "verdict", lambda: points(tee, next(written), 10), "NO")
            (against,) = [route for route in found["routes"] if route["word"] == "NO"]
            assert against["route"] == "GET /query"
            assert {one["part"] for one in against["findings"] if one["label"] == "differs"} == {"body"}


def test_a_missing_database_is_found_in_writes_and_queries(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b:
        influx_query(a.url, "CREATE DATABASE load")
        with Tee(*tee_words(a.port, b.port, tmp_path)) as tee:
            written = iter(range(1, 100_000, 10))
            until(tmp_path / "verdict", lambda: points(tee, next(written), 10), "NO")
            found = findings(tmp_path / "verdict")
            assert found["POST /write", "status", "", "value"] in ("suspected", "undecided")
            assert found["GET /query", "body", "$.results[].error", "extra"] == "differs"
