"""What the tee has recorded of an InfluxDB, replayed at another one; and a server that stands still."""

import json
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from urllib.parse import urlencode

import pytest

from httptee.recording import RecordingWriter
from tests.replay.made import exchange
from tests.support.backend import Backend
from tests.support.client import RawClient
from tests.support.process import clean_environment
from tests.support.programs import Influx, influx_query
from tests.support.scripts import response
from tests.support.tee import Tee

pytestmark = pytest.mark.integration

ROOMS = ("kitchen", "hall", "attic")
ROUNDS, POINTS = 12, 20
UNITS = {"ms": 0.001, "s": 1.0}


def replay(recording, url, *words):
    """The status of a replay and what it has printed."""
    argv = [sys.executable, "-m", "httptee", "replay", str(recording), "--to", url, *words]
    done = subprocess.run(argv, capture_output=True, env=clean_environment(), timeout=120, check=False)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode()


def write_and_ask(port, room):
    """A client of InfluxDB: it writes points with their times, and asks for what it has written."""
    with RawClient(port) as client:
        for one in range(ROUNDS):
            points = range(one * POINTS, (one + 1) * POINTS)
            body = "".join(f"{room},at=r{each % 3} value={each} {each + 1}\n" for each in points).encode()
            assert client.ask("POST", "/write?db=load&precision=s", body=body).status == 204
            query = urlencode({"db": "load", "q": f'SELECT "value" FROM "{room}" WHERE time <= {one * POINTS}s'})
            assert client.ask(target=f"/query?{query}").status == 200


def test_a_second_influxdb_holds_the_points_that_were_recorded_before_the_first(tmp_path):
    with Influx(tmp_path / "a") as a, Influx(tmp_path / "b") as b:
        for server in (a, b):
            influx_query(server.url, "CREATE DATABASE load")
        with Tee("-a", a.url, "-record", str(tmp_path / "recorded")) as tee, ThreadPoolExecutor(len(ROOMS)) as pool:
            list(pool.map(lambda room: write_and_ask(tee.port, room), ROOMS))
        _, out = replay(tmp_path / "recorded", b.url, "--json")
        found = json.loads(out)
        for room in ROOMS:
            assert a.count("load", room) == b.count("load", room) == ROUNDS * POINTS
    figures = found["replay"]
    each = len(ROOMS) * ROUNDS
    assert (figures["recorded"], figures["sent"], figures["statuses"]) == (
        2 * each,
        2 * each,
        {"200": each, "204": each},
    )
    labels = {route["route"]: {one["label"] for one in route["findings"]} for route in found["reports"][0]["routes"]}
    assert set(labels) == {"POST /write", "GET /query"}
    assert not {"differs", "suspected", "undecided", "constant"} & set.union(*labels.values())


def test_a_server_that_stands_still_shows_in_the_times_from_the_due_time_and_not_in_those_from_the_send_time(tmp_path):
    with RecordingWriter(tmp_path / "one client") as writer:
        for number in range(40):
            writer.write(exchange(number, target="/"))
    held = []

    def stand_still(request):
        if not held:
            held.append(monotonic())
            threading.Event().wait(1.0)
            held.append(monotonic())
        return response(body=b"ok")

    with Backend(stand_still) as backend:
        _, out = replay(tmp_path / "one client", backend.url, "--rate", "1000/s", "--no-compare")
    hold = held[1] - held[0] - 0.040  # by then, all were due
    times = {
        name: [float(value) * UNITS[unit] for value, unit in re.findall(r"([0-9.]+) (ms|s)\b", row.replace(",", ""))]
        for name, row in re.findall(r"^(from the \w+ time|lateness)(.*)$", out, re.MULTILINE)
    }
    p50, p90, *_ = times["from the due time"]
    assert p90 >= p50 >= hold * 0.99  # the times of a bucket are within 1 %
    p50, p90, *_, longest = times["from the send time"]
    assert p50 <= p90 < hold / 2 < longest
    assert times["lateness"][0] < hold / 2  # the generator had not to wait for a connection of its own
