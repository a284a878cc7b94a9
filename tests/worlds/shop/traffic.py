"""What the shop's clients ask for."""

from __future__ import annotations

from random import Random

import orjson

from httptee.http import Headers, Request
from tests.worlds.shop.data import USERS
from tests.worlds.stamps import WORDS, word
from tests.worlds.traffic import Client, new_reference, skewed

WEIGHTS = {
    "GET /users/{int}": 20.0, "GET /users/{int}/items": 16.0, "GET /search": 12.0, "POST /orders": 4.0,
    "PUT /orders/{hex}": 2.0, "GET /orders/{hex}": 8.0, "POST /login": 3.0, "GET /session": 6.0, "GET /logout": 0.3,
    "GET /confirm/{hex}": 0.5, "GET /account": 3.0, "GET /feed": 7.0, "GET /report/{int}": 4.0, "GET /files/{int}": 6.0,
    "GET /go/{int}": 2.0, "GET /prefs/{int}": 2.0, "GET /events/{int}": 2.0, "GET /status": 2.0,
    "GET /robots.txt": 0.5, "GET /sitemap.xml": 0.5,
}  # fmt: skip
_RANGES = {"/users/{int}": USERS, "/users/{int}/items": USERS, "/report/{int}": 40, "/files/{int}": 30,
           "/go/{int}": 60, "/prefs/{int}": 120, "/events/{int}": 80}  # fmt: skip


def next_request(client: Client, route: str, random: Random) -> Request:
    """A request of this client for a route."""
    method, _, path = route.partition(" ")
    headers: Headers = [("Host", "shop.example"), ("User-Agent", client.agent), ("Accept-Encoding", client.accepts)]
    if client.cookie:
        headers.append(("Cookie", client.cookie))
    body = b""
    if path in _RANGES:
        path = path.replace("{int}", str(skewed(random, _RANGES[path]) + 1))
    elif path == "/search":
        path += f"?q={WORDS[skewed(random, len(WORDS))]}"
    elif path == "/confirm/{hex}":
        path = f"/confirm/{new_reference(random)}"
    elif path == "/login":
        body = f"user={client.name}&password=pass-{client.name}".encode()
        headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    elif path == "/orders":
        client.writes = new_reference(random)
        lines = [{"sku": f"K{random.randrange(10_000)}", "note": word(random)} for _ in range(random.randrange(1, 4))]
        body = orjson.dumps({"ref": client.writes, "user": client.name, "lines": lines})
    elif path == "/orders/{hex}":
        path = f"/orders/{client.reference(random)}"
        body = orjson.dumps({"status": random.choice(["paid", "sent", "closed"])}) if method == "PUT" else b""
    if body and path != "/login":
        headers.append(("Content-Type", "application/json"))
    if body:
        headers.append(("Content-Length", str(len(body))))
    return Request(method, path, headers, body, "127.0.0.1", "http")
