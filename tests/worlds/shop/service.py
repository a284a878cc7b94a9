"""The first world: a shop. Without a switch, every answer follows from the request and from what was written."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from tests.worlds.service import Draft, Moment, Route, Service
from tests.worlds.shop import data
from tests.worlds.shop.defects import DEFECTS
from tests.worlds.shop.noises import NOISES
from tests.worlds.shop.traffic import WEIGHTS, next_request
from tests.worlds.stamps import iso


def user(moment: Moment) -> Draft:
    number = int(moment.arguments[0])
    if number > data.USERS:
        return Draft(404, {"error": "no such user"})
    fact: dict[str, Any] = moment.fact(f"user/{number}", data.make_user)
    content = {"id": number, **fact, "flags": {"beta": number % 3 == 0, "promo": False}}
    return Draft(200, content, headers=[("Cache-Control", "private, max-age=5")])


def items(moment: Moment) -> Draft:
    found = moment.fact(f"items/{moment.arguments[0]}", data.make_items)
    total = round(sum(each["price"] * each["qty"] for each in found), 2)
    return Draft(200, {"items": [dict(each) for each in found], "currency": "EUR", "total": total, "pages": 1})


def search(moment: Moment) -> Draft:
    query = moment.query.get("q", "")
    results = moment.fact(f"search/{query}", data.make_results)
    content = {"query": query, "request_id": query, "shard": "s1", "took_ms": 7, "count": len(results)}
    return Draft(200, {**content, "results": [dict(each) for each in results]})


def create_order(moment: Moment) -> Draft:
    order = orjson.loads(moment.request.body)  # type: ignore[arg-type]
    moment.memory.setdefault("orders", {})[order["ref"]] = {**order, "status": "new"}
    return Draft(201, {"ref": order["ref"], "status": "new"}, headers=[("Location", f"/orders/{order['ref']}")])


def change_order(moment: Moment) -> Draft:
    order = moment.memory.get("orders", {}).get(moment.arguments[0])
    if order is None:
        return Draft(404, {"error": "no such order"})
    order |= orjson.loads(moment.request.body)  # type: ignore[arg-type]
    return Draft(200, {"ref": order["ref"], "status": order["status"]})


def order(moment: Moment) -> Draft:
    found = moment.memory.get("orders", {}).get(moment.arguments[0])
    return Draft(200, dict(found)) if found else Draft(404, {"error": "no such order"})


def login(moment: Moment) -> Draft:
    form = dict(parse_qsl(bytes(moment.request.body).decode()))  # type: ignore[arg-type]
    name = form.get("user", "")
    if form.get("password") != f"pass-{name}":
        return Draft(403, {"error": "wrong password"})
    return Draft(302, headers=[("Location", "/session"), ("Set-Cookie", f"session={name}.0; Path=/; HttpOnly")])


def session(moment: Moment) -> Draft:
    name, _, nonce = moment.header("cookie").removeprefix("session=").partition(".")
    if not nonce or nonce in moment.memory.get("ended", ()):
        return Draft(401, {"error": "not logged in"}, headers=[("WWW-Authenticate", 'Session realm="shop"')])
    content = {"user": name, "role": "buyer", "server_time": iso(0), "now_ms": 0, "expires_at": iso(3600)}
    return Draft(200, content, headers=[("Set-Cookie", f"session={name}.0; Path=/; HttpOnly")])


def logout(moment: Moment) -> Draft:
    nonce = moment.header("cookie").partition(".")[2]
    moment.memory.setdefault("ended", set()).add(nonce)
    return Draft(302, headers=[("Location", "/"), ("Set-Cookie", "session=; Max-Age=0; Path=/")])


def confirm(moment: Moment) -> Draft:
    used: set[str] = moment.memory.setdefault("used", set())
    if moment.arguments[0] in used:
        return Draft(410, {"error": "this link was used"})
    used.add(moment.arguments[0])
    return Draft(200, {"confirmed": True})


def account(moment: Moment) -> Draft:
    limits = {"orders": 50, "value": 2500.0, "currencies": ["EUR", "CHF"], "regions": {"eu": True, "us": False}}
    return Draft(200, {"kind": "standard", "limits": limits, "terms": "2024-03", "contact": "help@shop.example"})


def feed(moment: Moment) -> Draft:
    entries = moment.fact("feed", data.make_feed)
    content = {"generated_at": iso(data.START), "hits": 0, "entries": [dict(each) for each in entries]}
    return Draft(200, content, headers=[("ETag", '"feed-1"'), ("Cache-Control", "max-age=60")])


def report(moment: Moment) -> Draft:
    rows = moment.fact(f"report/{moment.arguments[0]}", data.make_report)
    return Draft(200, data.report_page(moment.arguments[0], rows), "html", [("ETag", f'"r{moment.arguments[0]}"')])


def file(moment: Moment) -> Draft:
    body = moment.fact(f"file/{moment.arguments[0]}", lambda random: random.randbytes(random.randrange(500, 4000)))
    return Draft(200, body, "bytes", [("Cache-Control", "public, max-age=86400"), ("Accept-Ranges", "bytes")])


def go(moment: Moment) -> Draft:
    return Draft(301, headers=[("Location", f"/report/{int(moment.arguments[0]) % 40}")])


def prefs(moment: Moment) -> Draft:
    return Draft(200, dict(moment.fact(f"prefs/{moment.arguments[0]}", data.make_prefs)), "form")


def events(moment: Moment) -> Draft:
    return Draft(200, moment.fact(f"events/{moment.arguments[0]}", data.make_events), "lines")


def status(moment: Moment) -> Draft:
    return Draft(200, {"up": True, "host": "shop", "version": "4.2.0", "region": "eu-central"})


def robots(moment: Moment) -> Draft:
    return Draft(200, "User-agent: *\nDisallow: /session\nSitemap: /sitemap.xml\n", "text")


def sitemap(moment: Moment) -> Draft:
    return Draft(200, data.sitemap_page(), "xml")


ROUTES = (
    Route("GET /users/{int}", user, 0.012),
    Route("GET /users/{int}/items", items, 0.015),
    Route("GET /search", search, 0.018),
    Route("POST /orders", create_order, 0.014),
    Route("PUT /orders/{hex}", change_order, 0.012),
    Route("GET /orders/{hex}", order, 0.006),
    Route("POST /login", login, 0.02),
    Route("GET /session", session, 0.003),
    Route("GET /logout", logout, 0.003, once=True),
    Route("GET /confirm/{hex}", confirm, 0.005, once=True),
    Route("GET /account", account, 0.008),
    Route("GET /feed", feed, 0.01),
    Route("GET /report/{int}", report, 0.025),
    Route("GET /files/{int}", file, 0.004),
    Route("GET /go/{int}", go, 0.002),
    Route("GET /prefs/{int}", prefs, 0.003),
    Route("GET /events/{int}", events, 0.009),
    Route("GET /status", status, 0.001),
    Route("GET /robots.txt", robots, 0.001),
    Route("GET /sitemap.xml", sitemap, 0.004),
)

SHOP = Service(
    "shop", {route.name: route for route in ROUTES}, DEFECTS, NOISES, WEIGHTS, next_request,
    {"POST /orders": "GET /orders/{hex}", "PUT /orders/{hex}": "GET /orders/{hex}"},
    ("accept=header X-Served-By", "accept=GET /status body $.host # two machines",
     "accept=GET /status body $.version # the new release", "ignore=POST /login header set-cookie # a new session"),
    200.0,
)  # fmt: skip
