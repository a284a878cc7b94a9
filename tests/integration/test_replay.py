"""A recording of a shop, replayed at the shop itself and at a build with three defects."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from random import Random

import pytest

from httptee.recording import Exchange, Kept, RecordingWriter
from tests.support.backend import Backend
from tests.support.process import clean_environment
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
