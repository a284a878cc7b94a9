"""The clinic's routes, without any switch: every answer follows from the request and from what was written."""

from __future__ import annotations

from typing import Any

import orjson

from tests.worlds.clinic import data
from tests.worlds.clinic.defects import DEFECTS
from tests.worlds.clinic.noises import NOISES
from tests.worlds.clinic.traffic import WEIGHTS, next_request
from tests.worlds.service import Draft, Moment, Route, Service
from tests.worlds.stamps import iso
from tests.worlds.times import Pace


def _fault(status: int, code: str) -> Draft:
    return Draft(status, {"fault": {"code": code}})


def patient(moment: Moment) -> Draft:
    fact: dict[str, Any] = moment.fact(f"patient/{moment.arguments[0]}", data.make_patient)
    copy = {name: dict(value) if isinstance(value, dict) else value for name, value in fact.items()}
    return Draft(200, {"patient": int(moment.arguments[0]), **copy}, headers=[("Cache-Control", "private")])


def stays(moment: Moment) -> Draft:
    found = moment.fact(f"stays/{moment.arguments[0]}", data.make_stays)
    copies = [{**stay, "bill": [dict(line) for line in stay["bill"]]} for stay in found]
    return Draft(200, {"stays": copies, "of": int(moment.arguments[0])})


def times(moment: Moment) -> Draft:
    where = f"{moment.query.get('ward', '')}/{moment.query.get('day', '')}"
    free = moment.fact(f"times/{where}", data.make_times)
    return Draft(200, {"request": where, "replica": "north", "micros": 1000, "free": [dict(each) for each in free]})


def wards(moment: Moment) -> Draft:
    return Draft(200, {name: dict(ward) for name, ward in moment.fact("wards", data.make_wards).items()})


def book(moment: Moment) -> Draft:
    wanted = orjson.loads(moment.request.body)  # type: ignore[arg-type]
    moment.memory.setdefault("appointments", {})[wanted["reference"]] = {**wanted, "moved": 0}
    return Draft(201, {"reference": wanted["reference"]})


def move(moment: Moment) -> Draft:
    appointment = moment.memory.get("appointments", {}).get(moment.arguments[0])
    if appointment is None:
        return _fault(404, "E04")
    appointment |= orjson.loads(moment.request.body)  # type: ignore[arg-type]
    appointment["moved"] += 1
    return Draft(200, dict(appointment))


def appointment(moment: Moment) -> Draft:
    found = moment.memory.get("appointments", {}).get(moment.arguments[0])
    return Draft(200, dict(found)) if found else _fault(404, "E04")


def sign_in(moment: Moment) -> Draft:
    who = orjson.loads(moment.request.body)["who"]  # type: ignore[arg-type]
    moment.memory.setdefault("out", set()).discard(who)
    return Draft(200, {"ticket": who, "hours": 8})


def who(moment: Moment) -> Draft:
    name = moment.header("x-client")
    if not name or name in moment.memory.get("out", ()):
        return _fault(401, "E01")
    content = {"who": name, "roles": ["nurse", "reader"], "now": iso(0), "ticks": 0.0, "until": iso(0)}
    return Draft(200, content, headers=[("Set-Cookie", "clinic=0; Path=/; HttpOnly")])


def sign_out(moment: Moment) -> Draft:
    moment.memory.setdefault("out", set()).add(moment.header("cookie"))
    return Draft(204)


def verify(moment: Moment) -> Draft:
    used: set[str] = moment.memory.setdefault("verified", set())
    known = moment.arguments[0] in used
    used.add(moment.arguments[0])
    return Draft(410 if known else 200, "no longer valid\n" if known else "Thank you.\n", "text")


def scan(moment: Moment) -> Draft:
    body = moment.fact(f"scan/{moment.arguments[0]}", lambda random: random.randbytes(random.randrange(600, 4000)))
    return Draft(200, body, "bytes", [("Cache-Control", "private, max-age=3600"), ("ETag", '"0"')])


def letter(moment: Moment) -> Draft:
    words = moment.fact(f"letter/{moment.arguments[0]}", data.make_words)
    return Draft(200, data.letter_page(moment.arguments[0], words, 0), "html")


def stock(moment: Moment) -> Draft:
    return Draft(200, moment.fact(f"stock/{moment.arguments[0]}", data.make_lines), "lines")


def news(moment: Moment) -> Draft:
    return Draft(200, data.bulletin(moment.fact("bulletin", data.make_words), iso(data.OPENED)), "xml")


def directed(moment: Moment) -> Draft:
    return Draft(303, headers=[("Location", f"/letters/{int(moment.arguments[0]) % data.LETTERS}")])


def form(moment: Moment) -> Draft:
    return Draft(200, dict(moment.fact(f"form/{moment.arguments[0]}", data.make_form)), "form")


def about(moment: Moment) -> Draft:
    return Draft(200, {"machine": "clinic", "release": "r0", "open": [8, 17]})


ROUTES = (
    Route("GET /api/patients/{int}", patient, 0.045),
    Route("GET /api/patients/{int}/stays", stays, 0.11),
    Route("GET /api/times", times, 0.16),
    Route("GET /api/wards", wards, 0.02),
    Route("POST /api/appointments", book, 0.09),
    Route("PUT /api/appointments/{hex}", move, 0.08),
    Route("GET /api/appointments/{hex}", appointment, 0.035),
    Route("POST /api/signin", sign_in, 0.25),
    Route("GET /api/whoami", who, 0.006),
    Route("POST /api/signout", sign_out, 0.006),
    Route("GET /verify-email/{hex}", verify, 0.02, once=True),
    Route("GET /scans/{hex}", scan, 0.012),
    Route("GET /letters/{int}", letter, 0.07),
    Route("GET /api/stock/{int}", stock, 0.2),
    Route("GET /bulletin.xml", news, 0.03),
    Route("GET /d/{int}", directed, 0.003),
    Route("GET /api/forms/{int}", form, 0.01),
    Route("GET /about", about, 0.001),
)

CLINIC = Service(
    "clinic", {route.name: route for route in ROUTES}, DEFECTS, NOISES, WEIGHTS, next_request,
    {"POST /api/appointments": "GET /api/appointments/{hex}",
     "PUT /api/appointments/{hex}": "GET /api/appointments/{hex}"},
    ("accept=header X-Machine", "accept=GET /about body $.machine # another machine",
     "accept=GET /about body $.release", "ignore=POST /api/signin body $.ticket # a new ticket"),
    25.0, Pace(spread=0.25, stalls=0.025, stall=0.25, slot=3.0, bursts=0.05, burst=1.2),
)  # fmt: skip
