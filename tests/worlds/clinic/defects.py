"""The defects that can be planted in the clinic's B, each with the finding that it has to be."""

from __future__ import annotations

from typing import Any

from tests.worlds.edits import at, cut_coded, cut_some, whole_answer, without, without_header
from tests.worlds.service import Draft, Moment
from tests.worlds.stamps import iso
from tests.worlds.switches import LATENCY, Switch, found, table

PATIENT, STAYS, TIMES = "GET /api/patients/{int}", "GET /api/patients/{int}/stays", "GET /api/times"
BOOKED, MOVE, WARDS = "GET /api/appointments/{hex}", "PUT /api/appointments/{hex}", "GET /api/wards"
WHO, SCAN, LETTER, STOCK = "GET /api/whoami", "GET /scans/{hex}", "GET /letters/{int}", "GET /api/stock/{int}"


def one_of_fifty(value: Any, moment: Moment) -> Any:
    return "private" if int(moment.arguments[0]) % 50 == 3 else value


def drop_last(draft: Draft, moment: Moment) -> None:
    draft.content["stays"].pop()


def hour_off(value: Any, moment: Moment) -> Any:
    return f"{value[:11]}{(int(value[11:13]) + 23) % 24:02}{value[13:]}"


DEFECTS = table(
    Switch("price", STAYS, found(STAYS, "body", "$.stays[].bill[].sum", "value"),
           at("stays[].bill[].sum", lambda value, moment: round(value - 0.01, 2))),
    Switch("wrong_users", PATIENT, found(PATIENT, "body", "$.insurance.kind", "value"),
           at("insurance.kind", one_of_fifty)),
    Switch("missing", PATIENT, found(PATIENT, "body", "$.contact.mail", "missing"), without("contact.mail")),
    Switch("extra", STAYS, found(STAYS, "body", "$.next", "extra"), at("next", lambda value, moment: "?page=2")),
    Switch("true_to_1", PATIENT, found(PATIENT, "body", "$.insurance.valid", "type"),
           at("insurance.valid", lambda value, moment: str(value).lower())),
    Switch("null", PATIENT, found(PATIENT, "body", "$.born", "type"), at("born", lambda value, moment: None, 0.2)),
    Switch("reversed", PATIENT, found(PATIENT, "body", ("$.allergies", "$.allergies[]"), "order"),
           at("allergies", lambda value, moment: value[::-1])),
    Switch("last_dropped", STAYS, found(STAYS, "body", ("$.stays", "$.stays[]"), ("length", "missing")), drop_last),
    Switch("wrong_uuid", PATIENT, found(PATIENT, "body", "$.insurance.policy", "value"),
           at("insurance.policy", lambda value, moment: value[:24] + value[25:] + value[24])),
    Switch("hour_off", STAYS, found(STAYS, "body", "$.stays[].from", "value"), at("stays[].from", hour_off)),
    Switch("expires_now", WHO, found(WHO, "body", "$.until", "value"),
           at("until", lambda value, moment: iso(moment.at)), needs=("clock",)),
    Switch("race", PATIENT, found(PATIENT, "body", "$.notices.open", "value"),
           at("notices.open", lambda value, moment: value + 1, 0.05)),
    Switch("none_id", TIMES, found(TIMES, "body", "$.request", "value"),
           at("request", lambda value, moment: "none")),
    Switch("fifth_value", TIMES, found(TIMES, "body", "$.replica", "value"),
           at("replica", lambda value, moment: "north-9", 0.2)),
    Switch("flag_half", PATIENT, found(PATIENT, "body", "$.notices.recall", "value"),
           at("notices.recall", lambda value, moment: moment.random.random() < 0.5)),
    Switch("took_tripled", TIMES, found(TIMES, "body", "$.micros", "value"),
           at("micros", lambda value, moment: value * 3)),
    Switch("rounded", PATIENT, found(PATIENT, "body", "$.index.bmi", "value"),
           at("index.bmi", lambda value, moment: round(value, 2))),
    Switch("errors", TIMES, found(TIMES, "status", "", "value"),
           whole_answer(500, {"fault": {"code": "E17"}}, 0.01), also=((TIMES, "body"), (TIMES, "header"))),
    Switch("redirect", LETTER, found(LETTER, "status", "", "value"),
           whole_answer(302, None, 1.0, ("Location", "/signin")), also=((LETTER, "body"), (LETTER, "header"))),
    Switch("no_cache_control", SCAN, found(SCAN, "header", "cache-control", "missing"),
           without_header("Cache-Control")),
    Switch("slower", STAYS, found(STAYS, LATENCY, "", "", "slower"), slow=1.3),
    Switch("stalls", LETTER, found(LETTER, LATENCY, "", "", "slower in the tail", "slower"), stalls=3.0),
    Switch("margin", PATIENT, found(PATIENT, LATENCY, "", "", "within", "undecided"), slow=1.1),
    Switch("lost_writes", "", found(BOOKED, "status", "", "value"), lost=0.2, note="writes not delivered",
           also=tuple((route, part) for route in (BOOKED, MOVE) for part in ("status", "body", "header"))),
    Switch("cut_gzip", STOCK, found(STOCK, "body", ("", "$"), "undecodable"), wire=cut_coded,
           also=((STOCK, "header"),)),
    Switch("bad_json", WARDS, found(WARDS, "body", ("", "$"), "undecodable"), wire=cut_some,
           also=((WARDS, "header"),)),  # content that cannot be decoded: then its coding differs, too
)  # fmt: skip
