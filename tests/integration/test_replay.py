"""A recording of a shop, replayed at the shop itself and at a build with three defects."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random

import pytest

from httptee.recording import Exchange, Kept, RecordingWriter
from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.process import clean_environment
from tests.support.programs import nginx
from tests.support.tee import Tee
from tests.worlds.server import WorldServer
from tests.worlds.shop import SHOP
from tests.worlds.shop.traffic import next_request
from tests.worlds.traffic import Client
from tests.worlds.world import World

pytestmark = pytest.mark.integration

ROUTES = (
    "GET /users/{int}",
    "GET /users/{int}/items",
    "GET /search",
    "GET /report/{int}",
    "GET /files/{int}",
    "GET /feed",
)
PLANTED = {"price": "GET /users/{int}/items", "missing": "GET /users/{int}", "no_cache_control": "GET /files/{int}"}
REQUESTS = 2400
WORDS = ("--rate", "400/s", "--delta", "5", "--json")


@pytest.fixture(scope="module")
def world():
    return World(7, PLANTED, None, SHOP)


@pytest.fixture(scope="module")
def recording(world, tmp_path_factory):
    """What A answered an hour ago to clients that ask for the same things again and again."""
    directory, random = tmp_path_factory.mktemp("shop"), Random(3)
    clients = [Client(f"c{number}", "agent", "gzip, deflate") for number in range(8)]
    began = time.time() - 3600
    with RecordingWriter(directory) as writer:
        for number in range(REQUESTS):
            client, at = random.choice(clients), began + number / 20
            request = next_request(client, random.choice(ROUTES), random)
            outcome, seconds = world.ask("a", request, at)
            writer.write(
                Exchange(
                    clients.index(client), number, "192.0.2.1", int(at * 1e9), int(seconds * 1e9), int(seconds * 1e9),
                    request.method, request.target, tuple(request.headers), Kept.of(request.body), outcome.status, "OK",
                    tuple(outcome.headers), Kept.of(outcome.body),
                )
            )  # fmt: skip
    return directory


@contextmanager
def serving(world, side):
    server = WorldServer(world, side, latencies=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def replay(recording, url, *words):
    argv = [sys.executable, "-m", "httptee", "replay", str(recording), "--to", url, *WORDS, *words]
    done = subprocess.run(argv, capture_output=True, env=clean_environment(), timeout=120, check=False)
    assert b"Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout)


def words_of(found):
    return {route["route"]: route["word"] for route in found["reports"][0]["routes"]}


def test_against_a_itself_nothing_differs(world, recording):
    with serving(world, "a") as url:
        _, found = replay(recording, url)
    labels = [one["label"] for route in found["reports"][0]["routes"] for one in route["findings"]]
    assert found["replay"]["sent"] == found["reports"][0]["judged"] == REQUESTS
    assert not {"differs", "suspected"} & set(labels)
    assert "NO" not in words_of(found).values()


def test_against_a_build_with_three_changes_exactly_these_routes_differ(world, recording):
    with serving(world, "b") as url:
        status, found = replay(recording, url)
    assert {route for route, word in words_of(found).items() if word == "NO"} == set(PLANTED.values())
    if found["replay"]["kept_up"]:
        assert (status, found["word"]) == (1, "NO")


# --- What the tee has recorded ---------------------------------------------------------------------------------------

KINDS = ("stock", "price", "user", "order", "page", "upload")
EACH = 120
CHANGED = {"price": "GET /price/{int}", "user": "GET /user/{int}", "page": "GET /page/{int}"}


PLAIN = "200 '{}'"


def answering(changed):
    """The configuration of nginx: an answer for each kind of target. With `changed`, three of them are others."""
    price, status, extra = (2, 404, "") if changed else (1, 200, "add_header Cache-Control no-store always;")
    answers = {"price": f"200 '{{\"price\":{price}$1}}'", "user": f'{status} \'{{"user":"one"}}\''}
    lines = [
        f"location ~ ^/{kind}/([0-9]+)$ {{ default_type application/json; {extra if kind == 'page' else ''} "
        f"return {answers.get(kind, PLAIN)}; }}"
        for kind in KINDS
    ]
    return "client_max_body_size 1m; " + " ".join(lines)


def bodies_of(kind):
    """The bodies of the requests of a kind: of all sizes, with all bytes; none for a GET."""
    random, sizes = Random(kind), (0, 1, 900, 9_000, 70_000)
    return [random.randbytes(sizes[number % 5]) if kind in ("order", "upload") else None for number in range(EACH)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """nginx as A, on a port of its own until the end."""
    with nginx(tmp_path_factory.mktemp("a"), more=answering(False)) as port:
        yield port


@pytest.fixture(scope="module")
def recorded(shop, tmp_path_factory):
    """A directory in which the tee has recorded six clients, and what they have sent."""
    directory = tmp_path_factory.mktemp("recorded")

    def work(port, kind):
        with RawClient(port) as client:
            for number, body in enumerate(bodies_of(kind)):
                assert client.ask("GET" if body is None else "PUT", f"/{kind}/{number % 8}", body=body).start

    words = ("-a", f"127.0.0.1:{shop}", "-processes", "2", "-record", str(directory))
    with Tee(*words) as running, ThreadPoolExecutor(len(KINDS)) as pool:
        list(pool.map(partial(work, running.port), KINDS))
    return directory, Counter(
        ("GET" if body is None else "PUT", f"/{kind}/{number % 8}", body or b"")
        for kind in KINDS
        for number, body in enumerate(bodies_of(kind))
    )


def test_what_the_tee_has_recorded_arrives_once_and_whole(recorded):
    directory, sent = recorded
    with Backend() as backend:
        _, found = replay(directory, backend.url, "--no-compare")
        assert backend.bodies() == sent
    assert found["replay"]["sent"] == found["replay"]["recorded"] == len(KINDS) * EACH


def test_what_the_tee_has_recorded_is_answered_by_a_as_it_was(shop, recorded):
    status, found = replay(recorded[0], f"http://127.0.0.1:{shop}", "--yes")
    report = found["reports"][0]
    assert [finding for route in report["routes"] for finding in route["findings"]] == []
    assert report["judged"] == len(KINDS) * EACH
    if found["replay"]["kept_up"]:
        assert (status, found["word"]) == (0, "YES")


def test_a_build_with_three_changes_differs_from_what_the_tee_has_recorded_in_exactly_these(recorded, tmp_path):
    with nginx(tmp_path, more=answering(True)) as port:
        status, found = replay(recorded[0], f"http://127.0.0.1:{port}")
    differing = {
        route["route"]
        for route in found["reports"][0]["routes"]
        if any(one["label"] in ("differs", "suspected", "undecided", "constant") for one in route["findings"])
    }
    assert differing == set(CHANGED.values())
    if found["replay"]["kept_up"]:
        assert (status, found["word"]) == (1, "NO")


@pytest.mark.parametrize("form", ["tuesday.gor", "tuesday.har"])
def test_a_file_of_another_program_is_replayed_as_it_is(recorded, tmp_path, form):
    directory, sent = recorded
    argv = [sys.executable, "-m", "httptee", "recording", "convert", str(directory), str(tmp_path / form)]
    subprocess.run(argv, capture_output=True, env=clean_environment(), timeout=120, check=True)
    with Backend() as backend:
        _, found = replay(tmp_path / form, backend.url, "--no-compare")
        assert backend.bodies() == sent
    assert found["replay"]["sent"] == len(KINDS) * EACH


def test_an_interrupt_ends_it_with_a_report(recording):
    with Backend() as backend:
        argv = [sys.executable, "-m", "httptee", "replay", str(recording), "--to", backend.url, "--json"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, env=clean_environment()) as running:
            try:
                backend.wait_for_requests(3, patience=60)
            finally:
                running.send_signal(signal.SIGINT)
                out, _ = running.communicate(timeout=60)
    figures = json.loads(out)["replay"]
    assert running.returncode == 130
    assert figures["sent"] + figures["unreached"] == figures["recorded"] == REQUESTS
