"""The defects that can be planted in the shop's B, each with the finding that it has to be."""

from __future__ import annotations

from typing import Any

from tests.worlds.edits import at, cut_coded, cut_some, whole_answer, without, without_header
from tests.worlds.service import Draft, Moment
from tests.worlds.stamps import iso
from tests.worlds.switches import LATENCY, Switch, found, table

USER, ITEMS, SEARCH = "GET /users/{int}", "GET /users/{int}/items", "GET /search"
ORDER, CHANGE, SESSION = "GET /orders/{hex}", "PUT /orders/{hex}", "GET /session"
ACCOUNT, REPORT, FILES = "GET /account", "GET /report/{int}", "GET /files/{int}"


def one_of_fifty(value: Any, moment: Moment) -> Any:
    return "gold" if int(moment.arguments[0]) % 50 == 7 else value


def drop_last(draft: Draft, moment: Moment) -> None:
    del draft.content["items"][-1]


DEFECTS = table(
    Switch("price", ITEMS, found(ITEMS, "body", "$.items[].price", "value"),
           at("items[].price", lambda value, moment: round(value + 0.01, 2))),
    Switch("wrong_users", USER, found(USER, "body", "$.plan", "value"), at("plan", one_of_fifty)),
    Switch("missing", USER, found(USER, "body", "$.email", "missing"), without("email")),
    Switch("extra", USER, found(USER, "body", "$.debug", "extra"), at("debug", lambda value, moment: False)),
    Switch("true_to_1", USER, found(USER, "body", "$.active", "type"), at("active", lambda value, moment: int(value))),
    Switch("null", USER, found(USER, "body", "$.nickname", "type"), at("nickname", lambda value, moment: None, 0.2)),
    Switch("reversed", USER, found(USER, "body", ("$.tags", "$.tags[]"), "order"),
           at("tags", lambda value, moment: value[::-1])),
    Switch("last_dropped", ITEMS, found(ITEMS, "body", ("$.items", "$.items[]"), ("length", "missing")), drop_last),
    Switch("wrong_uuid", USER, found(USER, "body", "$.account", "value"),
           at("account", lambda value, moment: value[:-1] + f"{(int(value[-1], 16) + 1) % 16:x}")),
    Switch("hour_off", USER, found(USER, "body", "$.created_at", "value"),
           at("created_at", lambda value, moment: value[:11] + f"{(int(value[11:13]) + 1) % 24:02}" + value[13:])),
    Switch("expires_now", SESSION, found(SESSION, "body", "$.expires_at", "value"),
           at("expires_at", lambda value, moment: iso(moment.at)), needs=("clock",)),
    Switch("race", ITEMS, found(ITEMS, "body", "$.total", "value"),
           at("total", lambda value, moment: round(value / 2, 2), 0.05)),
    Switch("none_id", SEARCH, found(SEARCH, "body", "$.request_id", "value"),
           at("request_id", lambda value, moment: "none")),
    Switch("fifth_value", SEARCH, found(SEARCH, "body", "$.shard", "value"),
           at("shard", lambda value, moment: "s5", 0.2)),
    Switch("flag_half", USER, found(USER, "body", "$.flags.promo", "value"),
           at("flags.promo", lambda value, moment: moment.random.random() < 0.5)),
    Switch("took_tripled", SEARCH, found(SEARCH, "body", "$.took_ms", "value"),
           at("took_ms", lambda value, moment: value * 3)),
    Switch("rounded", USER, found(USER, "body", "$.score", "value"),
           at("score", lambda value, moment: round(value, 1))),
    Switch("errors", SEARCH, found(SEARCH, "status", "", "value"),
           whole_answer(500, {"error": "internal"}, 0.01), also=((SEARCH, "body"), (SEARCH, "header"))),
    Switch("redirect", ACCOUNT, found(ACCOUNT, "status", "", "value"),
           whole_answer(302, None, 1.0, ("Location", "/login")), also=((ACCOUNT, "body"), (ACCOUNT, "header"))),
    Switch("no_cache_control", FILES, found(FILES, "header", "cache-control", "missing"),
           without_header("Cache-Control")),
    Switch("slower", ITEMS, found(ITEMS, LATENCY, "", "", "slower"), slow=1.3),
    Switch("stalls", SEARCH, found(SEARCH, LATENCY, "", "", "slower in the tail", "slower"), stalls=3.0),
    Switch("margin", USER, found(USER, LATENCY, "", "", "within", "undecided"), slow=1.1),
    Switch("lost_writes", "", found(ORDER, "status", "", "value"), lost=0.2, note="writes not delivered",
           also=tuple((route, part) for route in (ORDER, CHANGE) for part in ("status", "body", "header"))),
    Switch("cut_gzip", REPORT, found(REPORT, "body", ("", "$"), "undecodable"), wire=cut_coded,
           also=((REPORT, "header"),)),
    Switch("bad_json", ACCOUNT, found(ACCOUNT, "body", ("", "$"), "undecodable"), wire=cut_some),
)  # fmt: skip
