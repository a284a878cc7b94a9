"""The defects that can be planted in the fleet's B, each with the finding that it has to be."""

from __future__ import annotations

from typing import Any

from tests.worlds.edits import at, cut_coded, cut_some, whole_answer, without, without_header
from tests.worlds.service import Draft, Moment
from tests.worlds.switches import LATENCY, Switch, found, table

VEHICLE, TRIPS, DRIVER = "GET /v2/vehicles/{uuid}", "GET /v2/vehicles/{uuid}/trips", "GET /v2/drivers/{int}"
NEARBY, TARIFFS, ME = "GET /v2/nearby", "GET /v2/tariffs", "GET /v2/me"
BOOKING, REBOOK = "GET /v2/bookings/{uuid}", "PATCH /v2/bookings/{uuid}"
TILE, RECEIPT, EXPORT = "GET /tiles/{int}/{int}", "GET /receipts/{int}", "GET /export/{int}"


def one_of_fifty(value: Any, moment: Moment) -> Any:
    return "star" if int(moment.arguments[0]) % 50 == 21 else value


def drop_last(draft: Draft, moment: Moment) -> None:
    draft.content["data"].pop()


def next_digit(value: Any, moment: Moment) -> Any:
    return f"{(int(value[0], 16) + 1) % 16:x}{value[1:]}"


DEFECTS = table(
    Switch("price", TRIPS, found(TRIPS, "body", "$.data[].fare.amount", "value"),
           at("data[].fare.amount", lambda value, moment: round(value + 0.01, 2))),
    Switch("wrong_users", DRIVER, found(DRIVER, "body", "$.rating.badge", "value"), at("rating.badge", one_of_fifty)),
    Switch("missing", VEHICLE, found(VEHICLE, "body", "$.data.vehicle.plate", "missing"),
           without("data.vehicle.plate")),
    Switch("extra", VEHICLE, found(VEHICLE, "body", "$.data.internal", "extra"),
           at("data.internal", lambda value, moment: {"shard": 1})),
    Switch("true_to_1", VEHICLE, found(VEHICLE, "body", "$.data.vehicle.electric", "type"),
           at("data.vehicle.electric", lambda value, moment: int(value))),
    Switch("null", DRIVER, found(DRIVER, "body", "$.phone", "type"), at("phone", lambda value, moment: None, 0.2)),
    Switch("reversed", VEHICLE,
           found(VEHICLE, "body", ("$.data.vehicle.equipment", "$.data.vehicle.equipment[]"), "order"),
           at("data.vehicle.equipment", lambda value, moment: value[::-1])),
    Switch("last_dropped", TRIPS, found(TRIPS, "body", ("$.data", "$.data[]"), ("length", "missing")), drop_last),
    Switch("wrong_uuid", VEHICLE, found(VEHICLE, "body", "$.data.vehicle.ownerId", "value"),
           at("data.vehicle.ownerId", next_digit)),
    Switch("hour_off", TRIPS, found(TRIPS, "body", "$.data[].startedAt", "value"),
           at("data[].startedAt", lambda value, moment: value + 3_600_000)),
    Switch("expires_now", ME, found(ME, "body", "$.session.validUntil", "value"),
           at("session.validUntil", lambda value, moment: int(moment.at * 1000)), needs=("clock",)),
    Switch("race", DRIVER, found(DRIVER, "body", "$.tripsTotal", "value"),
           at("tripsTotal", lambda value, moment: value - 1, 0.05)),
    Switch("none_id", NEARBY, found(NEARBY, "body", "$.meta.traceId", "value"),
           at("meta.traceId", lambda value, moment: "none")),
    Switch("fifth_value", NEARBY, found(NEARBY, "body", "$.meta.node", "value"),
           at("meta.node", lambda value, moment: 9, 0.2)),
    Switch("flag_half", VEHICLE, found(VEHICLE, "body", "$.data.vehicle.inspectionDue", "value"),
           at("data.vehicle.inspectionDue", lambda value, moment: moment.random.random() < 0.5)),
    Switch("took_tripled", NEARBY, found(NEARBY, "body", "$.meta.elapsed", "value"),
           at("meta.elapsed", lambda value, moment: round(value * 3, 4))),
    Switch("rounded", DRIVER, found(DRIVER, "body", "$.rating.score", "value"),
           at("rating.score", lambda value, moment: round(value, 1))),
    Switch("errors", TARIFFS, found(TARIFFS, "status", "", "value"),
           whole_answer(500, {"title": "database is locked"}, 0.01), also=((TARIFFS, "body"), (TARIFFS, "header"))),
    Switch("redirect", RECEIPT, found(RECEIPT, "status", "", "value"),
           whole_answer(302, None, 1.0, ("Location", "/oauth/authorize")),
           also=((RECEIPT, "body"), (RECEIPT, "header"))),
    Switch("no_cache_control", TILE, found(TILE, "header", "cache-control", "missing"),
           without_header("Cache-Control")),
    Switch("slower", VEHICLE, found(VEHICLE, LATENCY, "", "", "slower"), slow=1.3),
    Switch("stalls", TRIPS, found(TRIPS, LATENCY, "", "", "slower in the tail", "slower"), stalls=3.0),
    Switch("margin", DRIVER, found(DRIVER, LATENCY, "", "", "within", "undecided"), slow=1.1),
    Switch("lost_writes", "", found(BOOKING, "status", "", "value"), lost=0.2, note="writes not delivered",
           also=tuple((route, part) for route in (BOOKING, REBOOK) for part in ("status", "body", "header"))),
    Switch("cut_gzip", EXPORT, found(EXPORT, "body", ("", "$"), "undecodable"), wire=cut_coded,
           also=((EXPORT, "header"),)),
    Switch("bad_json", TARIFFS, found(TARIFFS, "body", ("", "$"), "undecodable"), wire=cut_some,
           also=((TARIFFS, "header"),)),  # content that cannot be decoded: then its coding differs, too
)  # fmt: skip
