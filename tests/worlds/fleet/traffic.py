"""What the fleet's clients ask for."""

from __future__ import annotations

from random import Random

import orjson

from httptee.http import Headers, Request
from tests.worlds.fleet import data
from tests.worlds.stamps import WORDS, new_uuid, word
from tests.worlds.traffic import Client, skewed

WEIGHTS = {
    "GET /v2/vehicles/{uuid}": 14.0, "GET /v2/vehicles/{uuid}/trips": 9.0, "GET /v2/drivers/{int}": 11.0,
    "GET /v2/nearby": 18.0, "GET /v2/tariffs": 4.0, "POST /v2/bookings": 5.0, "PATCH /v2/bookings/{uuid}": 3.0,
    "GET /v2/bookings/{uuid}": 6.0, "POST /oauth/token": 3.0, "GET /v2/me": 5.0, "POST /v2/signout": 0.2,
    "GET /unsubscribe/{hex}": 0.3, "GET /tiles/{int}/{int}": 15.0, "GET /receipts/{int}": 3.0, "GET /export/{int}": 1.0,
    "GET /alerts.atom": 4.0, "GET /r/{int}": 1.0, "GET /healthz": 2.0,
}  # fmt: skip
# The ids of vehicles are known to clients before they ask, so they are the same for every seed.
_VEHICLES = data.make_vehicles(Random("vehicles"))
_RANGES = {"/v2/drivers/{int}": data.DRIVERS, "/receipts/{int}": 50, "/export/{int}": 12, "/r/{int}": 90}


def next_request(client: Client, route: str, random: Random) -> Request:
    """A request of this client for a route."""
    method, _, path = route.partition(" ")
    headers: Headers = [("Host", "fleet.example"), ("Accept", "*/*"), ("Accept-Encoding", client.accepts)]
    if path == "/v2/me" and random.random() < 0.9:
        headers.append(("Authorization", f"Bearer {client.name}.{random.getrandbits(64):x}"))
    body, kind = b"", "application/json"
    if path in _RANGES:
        path = path.replace("{int}", str(skewed(random, _RANGES[path])))
    elif path.startswith("/v2/vehicles/"):
        path = path.replace("{uuid}", _VEHICLES[skewed(random, len(_VEHICLES))])
    elif path == "/v2/nearby":
        path += f"?cell={WORDS[skewed(random, len(WORDS))]}&limit=10"
    elif path == "/tiles/{int}/{int}":
        path = f"/tiles/{7 + random.randrange(3)}/{skewed(random, 60)}"
    elif path == "/unsubscribe/{hex}":
        path = f"/unsubscribe/{random.getrandbits(128):032x}"
    elif path == "/oauth/token":
        body, kind = (
            f"grant_type=client_credentials&client_id={client.name}".encode(),
            "application/x-www-form-urlencoded",
        )
    elif path == "/v2/bookings":
        client.writes = new_uuid(random)
        body = orjson.dumps({"id": client.writes, "from": word(random), "seats": random.randrange(1, 5)})
    elif path == "/v2/bookings/{uuid}":
        path = f"/v2/bookings/{client.reference(random) if client.references else new_uuid(random)}"
        body = orjson.dumps({"state": random.choice(["held", "driven", "paid"])}) if method == "PATCH" else b""
    if body:
        headers += [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return Request(method, path, headers, body, "127.0.0.1", "http")
