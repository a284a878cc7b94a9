"""The fleet's routes, without any switch: every answer follows from the request and from what was written."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from tests.worlds.fleet import data
from tests.worlds.fleet.defects import DEFECTS
from tests.worlds.fleet.noises import NOISES
from tests.worlds.fleet.traffic import WEIGHTS, next_request
from tests.worlds.service import Draft, Moment, Route, Service
from tests.worlds.stamps import iso
from tests.worlds.times import Pace


def _problem(status: int, title: str) -> Draft:
    return Draft(status, {"type": "about:blank", "title": title, "status": status})


def vehicle(moment: Moment) -> Draft:
    fact: dict[str, Any] = moment.fact(f"vehicle/{moment.arguments[0]}", data.make_vehicle)
    content = {"data": {"vehicle": dict(fact), "links": {"self": moment.request.target}}, "version": 2}
    return Draft(200, content, headers=[("ETag", 'W/"1"'), ("Cache-Control", "no-store")])


def trips(moment: Moment) -> Draft:
    found = moment.fact(f"trips/{moment.arguments[0]}", data.make_trips)
    copies = [{**each, "fare": dict(each["fare"])} for each in found]
    return Draft(200, {"data": copies, "meta": {"count": len(copies), "next": None}})


def driver(moment: Moment) -> Draft:
    number = int(moment.arguments[0])
    if number >= data.DRIVERS:
        return _problem(404, "no such driver")
    fact = moment.fact(f"driver/{number}", data.make_driver)
    return Draft(200, {"driverId": number, **fact, "rating": dict(fact["rating"])})


def nearby(moment: Moment) -> Draft:
    where = moment.query.get("cell", "")
    hits = moment.fact(f"nearby/{where}", data.make_places)
    return Draft(200, {"hits": [dict(each) for each in hits], "meta": {"traceId": where, "node": 0, "elapsed": 0.01}})


def tariffs(moment: Moment) -> Draft:
    return Draft(200, [dict(each) for each in moment.fact("tariffs", data.make_tariffs)])


def book(moment: Moment) -> Draft:
    booking = orjson.loads(moment.request.body)  # type: ignore[arg-type]
    moment.memory.setdefault("bookings", {})[booking["id"]] = {**booking, "state": "open", "revision": 1}
    return Draft(201, {"id": booking["id"]}, headers=[("Location", f"/v2/bookings/{booking['id']}")])


def rebook(moment: Moment) -> Draft:
    booking = moment.memory.get("bookings", {}).get(moment.arguments[0])
    if booking is None:
        return _problem(404, "no such booking")
    booking |= orjson.loads(moment.request.body)  # type: ignore[arg-type]
    booking["revision"] += 1
    return Draft(204)


def booking(moment: Moment) -> Draft:
    found = moment.memory.get("bookings", {}).get(moment.arguments[0])
    return Draft(200, {"booking": dict(found)}) if found else _problem(404, "no such booking")


def token(moment: Moment) -> Draft:
    name = dict(parse_qsl(bytes(moment.request.body).decode())).get("client_id", "")  # type: ignore[arg-type]
    moment.memory.get("left", set()).discard(name)
    return Draft(200, {"access_token": f"{name}.0", "token_type": "Bearer", "expires_in": 900})


def me(moment: Moment) -> Draft:
    name, _, nonce = moment.header("authorization").removeprefix("Bearer ").partition(".")
    if not nonce or name in moment.memory.get("left", ()):
        return Draft(401, {"title": "who are you?"}, headers=[("WWW-Authenticate", "Bearer")])
    session = {"validUntil": 900_000, "scopes": ["ride", "read"]}
    content = {"account": name, "serverTimeMs": 0, "today": iso(0)[:19], "session": session}
    return Draft(200, content, headers=[("Set-Cookie", "seen=0; Secure; Path=/v2")])


def sign_out(moment: Moment) -> Draft:
    name = moment.header("authorization").removeprefix("Bearer ").partition(".")[0]
    moment.memory.setdefault("left", set()).add(name)
    return Draft(204)


def unsubscribe(moment: Moment) -> Draft:
    left: set[str] = moment.memory.setdefault("unsubscribed", set())
    known = moment.arguments[0] in left
    left.add(moment.arguments[0])
    return Draft(410 if known else 200, "gone\n" if known else "You get no more mail.\n", "text")


def tile(moment: Moment) -> Draft:
    name = "/".join(moment.arguments)
    body = moment.fact(f"tile/{name}", lambda random: b"\x89TILE" + random.randbytes(random.randrange(900, 2500)))
    return Draft(200, body, "bytes", [("Cache-Control", "public, max-age=604800, immutable")])


def receipt(moment: Moment) -> Draft:
    lines = moment.fact(f"receipt/{moment.arguments[0]}", data.make_receipt)
    return Draft(200, data.receipt_page(moment.arguments[0], lines, 0), "html")


def export(moment: Moment) -> Draft:
    rows = moment.fact(f"export/{moment.arguments[0]}", data.make_rows)
    return Draft(200, rows, "text", [("Content-Disposition", "attachment; filename=export.csv")])


def alerts(moment: Moment) -> Draft:
    return Draft(200, data.alerts_feed(moment.fact("alerts", data.make_alerts), iso(data.START / 1000)), "xml")


def short_link(moment: Moment) -> Draft:
    return Draft(307, headers=[("Location", f"/receipts/{int(moment.arguments[0]) % 50}")])


def health(moment: Moment) -> Draft:
    content = {"ok": True, "instance": {"name": "fleet", "build": "1"}, "checks": ["db", "queue"]}
    return Draft(200, content, headers=[("Server", "fleet")])


ROUTES = (
    Route("GET /v2/vehicles/{uuid}", vehicle, 0.04),
    Route("GET /v2/vehicles/{uuid}/trips", trips, 0.07),
    Route("GET /v2/drivers/{int}", driver, 0.03),
    Route("GET /v2/nearby", nearby, 0.09),
    Route("GET /v2/tariffs", tariffs, 0.015),
    Route("POST /v2/bookings", book, 0.06),
    Route("PATCH /v2/bookings/{uuid}", rebook, 0.05),
    Route("GET /v2/bookings/{uuid}", booking, 0.02),
    Route("POST /oauth/token", token, 0.08),
    Route("GET /v2/me", me, 0.01),
    Route("POST /v2/signout", sign_out, 0.01),
    Route("GET /unsubscribe/{hex}", unsubscribe, 0.01, once=True),
    Route("GET /tiles/{int}/{int}", tile, 0.005),
    Route("GET /receipts/{int}", receipt, 0.05),
    Route("GET /export/{int}", export, 0.12),
    Route("GET /alerts.atom", alerts, 0.02),
    Route("GET /r/{int}", short_link, 0.004),
    Route("GET /healthz", health, 0.002),
)

FLEET = Service(
    "fleet", {route.name: route for route in ROUTES}, DEFECTS, NOISES, WEIGHTS, next_request,
    {"POST /v2/bookings": "GET /v2/bookings/{uuid}", "PATCH /v2/bookings/{uuid}": "GET /v2/bookings/{uuid}"},
    ("accept=header X-Pod", "accept=GET /healthz header Server # the new release",
     "accept=GET /healthz body $.instance",
     "ignore=POST /oauth/token body $.access_token # a new token"),
    80.0, Pace(spread=0.3, stalls=0.035, stall=0.15, slot=5.0, bursts=0.06, burst=0.8),
)  # fmt: skip
