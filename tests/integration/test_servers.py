"""Against what people really run: nginx and InfluxDB behind the tee, hey and siege before it, gunicorn around it."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from tests.support.backend import Backend
from tests.support.client import RawClient, ask, send_raw
from tests.support.net import eventually, require
from tests.support.programs import Influx, hey, influx_query, mounted, nginx, run, siege
from tests.support.scripted import ScriptedServer
from tests.support.scripts import answer, response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A document root with a small, a zipped and a large file."""
    html = tmp_path / "nginx" / "html"
    (html / "zipped").mkdir(parents=True)
    (html / "index.html").write_text("the front page\n")
    (html / "zipped" / "page.txt").write_text("the same line again\n" * 500)
    (html / "large.bin").write_bytes(bytes(range(256)) * 40_000)
    return tmp_path / "nginx"


def test_nginx_answers_through_the_tee_as_it_does_by_itself(site: Path) -> None:
    asked = [
        ("GET", "/", []),
        ("HEAD", "/", []),
        ("GET", "/large.bin", []),
        ("GET", "/large.bin", [("Range", "bytes=1000-1999")]),
        ("GET", "/zipped/page.txt", [("Accept-Encoding", "gzip")]),
        ("GET", "/nothing", []),
        ("GET", "/moved", []),
        ("GET", "/missing", []),
        ("POST", "/", []),
        ("GET", "/", [("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")]),
    ]
    with nginx(site) as port, Backend() as b, Tee("-a", f"http://127.0.0.1:{port}", "-b", b.url) as tee:
        for method, target, headers in asked:
            straight, through = (ask(each, method, target, headers) for each in (port, tee.port))
            assert (through.start, through.body) == (straight.start, straight.body), (method, target)
            if straight.values("Content-Length"):  # a short answer that came in chunks may be given one
                assert through.values("Content-Length") == straight.values("Content-Length"), (method, target)
            for name in ("Content-Type", "Content-Range", "Content-Encoding", "ETag", "Last-Modified"):
                assert through.values(name) == straight.values(name), (method, target)
        assert tee.settled(len(asked))[0].delivered == len(asked)


def test_curl_uploads_and_downloads_through_the_tee(site: Path, tmp_path: Path) -> None:
    curl = require("curl")
    with nginx(site) as port, Tee("-a", f"http://127.0.0.1:{port}") as tee:
        run([curl, "--fail", "--silent", "--show-error", "-o", str(tmp_path / "got"), f"{tee.url}/large.bin"])
        assert (tmp_path / "got").read_bytes() == (site / "html" / "large.bin").read_bytes()
    with Backend() as a, Tee("-a", a.url) as tee:
        source = str(site / "html" / "large.bin")
        for extra in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            run([curl, "--fail", "--silent", "--show-error", "-T", source, *extra, f"{tee.url}/upload"])
        assert [request.body for request in a.requests] == [Path(source).read_bytes()] * 3


def test_hey_gets_an_answer_from_a_for_every_request_and_b_a_clone(site: Path) -> None:
    with nginx(site) as port, Backend() as b, Tee("-a", f"http://127.0.0.1:{port}", "-b", b.url) as tee:
        assert hey(f"{tee.url}/", 2000, "-c", "10") == {200: 2000}
        (ledger,) = tee.settled(2000)
        assert ledger.delivered == len(b.requests) == 2000 - ledger.dropped


def test_hey_posts_reach_a_and_b_unharmed() -> None:
    with Backend() as a, Backend() as b, Tee("-a", a.url, "-b", b.url, "-b.chanSize", "2000") as tee:
        assert hey(f"{tee.url}/in", 1000, "-c", "10", "-m", "POST", "-d", "a body") == {200: 1000}
        assert tee.settled(1000)[0].delivered == 1000
        assert a.bodies() == b.bodies() == {("POST", "/in", b"a body"): 1000}


def test_siege_gets_an_answer_for_every_request(site: Path, tmp_path: Path) -> None:
    with nginx(site) as port, Backend() as b, Tee("-a", f"http://127.0.0.1:{port}", "-b", b.url) as tee:
        summary = siege(f"{tee.url}/", 8, 50, tmp_path)
        assert (summary["transactions"], summary["failed_transactions"]) == (400, 0)
        assert tee.settled(400)[0].seen == 400


def write_points(tee: Tee, first: int, count: int, database: str = "load") -> None:
    """Write points with the times `first`, `first + 1`, ... through the tee; each must be answered 204."""
    with RawClient(tee.port) as client:
        for each in range(first, first + count):
            body = f"temperature,room=r{each % 7} value={each} {each}\n".encode()
            assert client.ask("POST", f"/write?db={database}&precision=s", body=body).status == 204


def test_two_influxdb_servers_both_hold_every_point(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b, Tee("-a", a.url, "-b", b.url) as tee:
        influx_query(tee.url, "CREATE DATABASE load")
        eventually(lambda: ["load"] in b.query("SHOW DATABASES"), "the database at B")
        threads = [threading.Thread(target=write_points, args=(tee, 1 + 250 * part, 250)) for part in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert tee.settled(1001)[0].delivered == 1001
        everything = 'SELECT "value", "room" FROM "temperature"'
        assert len(a.query(everything, "load")) == 1000
        assert b.query(everything, "load") == a.query(everything, "load")


def test_an_influxdb_b_may_stop_under_load_and_come_back(tmp_path: Path) -> None:
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b, Tee("-a", a.url, "-b", b.url) as tee:
        influx_query(tee.url, "CREATE DATABASE load")
        eventually(lambda: ["load"] in b.query("SHOW DATABASES"), "the database at B")
        write_points(tee, 1, 200)
        load = threading.Thread(target=write_points, args=(tee, 201, 600))
        load.start()
        eventually(lambda: a.count("load", "temperature") > 250, "some load")
        b.stop()
        load.join()
        write_points(tee, 801, 200)
        assert a.count("load", "temperature") == 1000
        (ledger,) = tee.settled(1001)
        assert ledger.failed + ledger.dropped > 0

        b.start()
        before, written = b.count("load", "temperature"), 1000

        def received() -> bool:
            nonlocal written
            write_points(tee, written + 1, 10)
            written += 10
            return b.count("load", "temperature") > before

        eventually(received, "points at B again")
        assert a.count("load", "temperature") == written
        tee.settled(1 + written)


@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
def test_requests_keep_to_the_grammar_when_mounted_under(server: str) -> None:
    challenge = response("407 Proxy Authentication Required", headers=[("Proxy-Authenticate", "Basic"), ("X", "1")])
    with ScriptedServer(answer(challenge)) as a, mounted(server, {"HTTPTEE_A": a.url}) as (port, _):

        def status(data: bytes) -> int:
            got = send_raw(port, data)
            assert got is not None
            return got.status

        got = ask(port, headers=[("Host", "h"), ("Proxy-Authorization", "Basic eDp5")])
        assert (got.status, got.value("X")) == (407, "1")
        assert a.requests[-1].value("Proxy-Authorization") == "Basic eDp5"
        post = b"POST /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        assert status(post) == 407
        assert a.requests[-1].values("Content-Length") == ["0"]
        assert status(b"GET http://shop.test/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n") == 407
        assert (a.requests[-1].target, a.requests[-1].values("Host")) == ("/x", ["shop.test"])
        asked = len(a.requests)
        assert status(b"GET /x HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n") == 400
        assert status(b"GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n") == 400
        assert len(a.requests) == asked


@pytest.mark.parametrize("configured", ["by environment", "by a file"])
@pytest.mark.parametrize("server", ["gunicorn", "waitress"])
def test_it_tees_when_mounted_under(server: str, configured: str, tmp_path: Path) -> None:
    options = ["--workers=2", "--worker-class=gthread", "--threads=4"] if server == "gunicorn" else []
    with Backend() as a, Backend() as b:
        log = tmp_path / "access.log"
        env = {"HTTPTEE_A": a.url, "HTTPTEE_B": b.url, "HTTPTEE_ACCESS_LOG": str(log)}
        if configured == "by a file":
            ini = tmp_path / "httptee.ini"
            ini.write_text(f"[httptee]\na = {a.url}\nb = {b.url}\naccess-log = {log}\n")
            env = {"HTTPTEE_CONFIG": str(ini)}
        with mounted(server, env, *options) as (port, _):
            for each in range(20):
                with RawClient(port) as client:
                    for kind in ("", "chunked", "missing"):
                        got = client.ask("POST", f"/{each}/{kind}", body=b"x" * each)
                        assert got.body.startswith(f"POST /{each}/{kind} ".encode())
            b.wait_for_requests(60)
        assert a.bodies() == b.bodies()
        found = re.findall(rf'"POST (\S+) HTTP/1\.1" .* b={re.escape(b.url)}:delivered:', log.read_text())
        assert sorted(found) == sorted(request.target for request in a.requests)
