"""What the clinic's clients ask for."""

from __future__ import annotations

from random import Random

import orjson

from httptee.http import Headers, Request
from tests.worlds.clinic import data
from tests.worlds.stamps import WORDS, word
from tests.worlds.traffic import Client, new_reference, skewed

WEIGHTS = {
    "GET /api/patients/{int}": 20.0, "GET /api/patients/{int}/stays": 12.0, "GET /api/times": 9.0,
    "GET /api/wards": 6.0, "POST /api/appointments": 7.0, "PUT /api/appointments/{hex}": 2.0,
    "GET /api/appointments/{hex}": 5.0, "POST /api/signin": 2.0, "GET /api/whoami": 11.0, "POST /api/signout": 0.4,
    "GET /verify-email/{hex}": 0.2, "GET /scans/{hex}": 8.0, "GET /letters/{int}": 6.0, "GET /api/stock/{int}": 3.0,
    "GET /bulletin.xml": 3.0, "GET /d/{int}": 1.0, "GET /api/forms/{int}": 2.0, "GET /about": 2.0,
}  # fmt: skip
# The names of scans are known to clients before they ask, so they are the same for every seed.
_SCANS = [f"{Random(f'scan/{number}').getrandbits(128):032x}" for number in range(80)]
_RANGES = {
    "/api/patients/{int}": data.PATIENTS, "/api/patients/{int}/stays": data.PATIENTS, "/letters/{int}": data.LETTERS,
    "/api/stock/{int}": 30, "/d/{int}": 70, "/api/forms/{int}": 25,
}  # fmt: skip


def next_request(client: Client, route: str, random: Random) -> Request:
    """A request of this client for a route."""
    method, _, path = route.partition(" ")
    headers: Headers = [("Host", "clinic.example"), ("User-Agent", client.agent), ("Accept-Encoding", client.accepts)]
    if client.cookie and path.startswith("/api/"):
        headers.append(("Cookie", client.cookie))
    body = b""
    if path in _RANGES:
        path = path.replace("{int}", str(skewed(random, _RANGES[path])))
    elif path == "/api/times":
        path += f"?day={random.randrange(1, 29)}&ward={WORDS[skewed(random, 12)]}"
    elif path == "/scans/{hex}":
        path = f"/scans/{_SCANS[skewed(random, len(_SCANS))]}"
    elif path == "/verify-email/{hex}":
        path = f"/verify-email/{random.getrandbits(160):040x}"
    elif path == "/api/whoami":
        headers.append(("X-Client", client.name if random.random() < 0.95 else ""))
    elif path == "/api/signin":
        body = orjson.dumps({"who": client.name, "pin": "0000"})
    elif path == "/api/appointments":
        client.writes = new_reference(random)
        body = orjson.dumps({"reference": client.writes, "day": random.randrange(1, 29), "reason": word(random)})
    elif path == "/api/appointments/{hex}":
        path = f"/api/appointments/{client.reference(random)}"
        body = orjson.dumps({"day": random.randrange(1, 29)}) if method == "PUT" else b""
    if body:
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Request(method, path, headers, body, "127.0.0.1", "http")
