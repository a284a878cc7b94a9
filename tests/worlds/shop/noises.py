"""The noises of the shop's A and B, each with what a verdict has to call it."""

from __future__ import annotations

from tests.worlds.edits import at, header, kept_since
from tests.worlds.service import Draft, Moment
from tests.worlds.shop.defects import ITEMS, ORDER, SEARCH, SESSION, USER
from tests.worlds.stamps import iso, new_uuid
from tests.worlds.switches import Switch, found, table

FEED, STATUS, REPORT, LOGIN = "GET /feed", "GET /status", "GET /report/{int}", "POST /login"

CACHED = 60.0
"""Seconds for which each server keeps a page that it has made."""


def clock(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        now = {"server_time": iso(moment.at), "now_ms": int(moment.at * 1000), "expires_at": iso(moment.at + 3600)}
        draft.content.update(now)


def shuffle(draft: Draft, moment: Moment) -> None:
    moment.random.shuffle(draft.content["results"])


def stamp(draft: Draft, moment: Moment) -> None:
    draft.content["generated_at"] = iso(kept_since(moment, CACHED))


def host_name(moment: Moment) -> str:
    return {"a": "shop-7c9f-a01", "a2": "shop-7c9f-a02", "b": "shop-5d2b-b02"}[moment.side]


def version(moment: Moment) -> str:
    return {"a": "4.2.0", "a2": "4.2.0", "b": "4.3.0-rc1"}[moment.side]


def hexadecimal(moment: Moment) -> str:
    return f"{moment.random.getrandbits(96):024x}"


def cookie(draft: Draft, moment: Moment) -> None:
    draft.headers = [
        (name, value.replace(".0;", f".{hexadecimal(moment)};") if name == "Set-Cookie" else value)
        for name, value in draft.headers
    ]


def took(moment: Moment) -> int:
    return int(moment.random.lognormvariate(2.0, 0.6)) + 1


_NOT_THERE = ("noise", "same", "absent")

NOISES = table(
    Switch("uuid", SEARCH, found(SEARCH, "body", "$.request_id", "value", "noise"),
           at("request_id", lambda value, moment: new_uuid(moment.random))),
    Switch("clock", SESSION,
           found(SESSION, "body", "$.now_ms", "value", "noise")
           + found(SESSION, "body", "$.server_time", "value", "noise", "refreshes", "undecided", "late", "absent")
           + found(SESSION, "header", "date", "value", *_NOT_THERE), clock),
    Switch("took", SEARCH, found(SEARCH, "body", "$.took_ms", "value", "noise"),
           at("took_ms", lambda value, moment: took(moment))),
    Switch("shuffle", SEARCH, found(SEARCH, "body", ("$.results", "$.results[]"), "order", "noise"), shuffle),
    Switch("shards", SEARCH, found(SEARCH, "body", "$.shard", "value", "noise"),
           at("shard", lambda value, moment: f"s{int(moment.random.random() * 4) + 1}")),
    Switch("flaky", USER, found(USER, "body", "$.flags.promo", "value", "noise", "undecided", "absent"),
           at("flags.promo", lambda value, moment: moment.random.random() < 0.02)),
    Switch("stamp", FEED, found(FEED, "body", "$.generated_at", "value", "refreshes"), stamp),
    Switch("hits", FEED, found(FEED, "body", "$.hits", "value", "noise"),
           at("hits", lambda value, moment: moment.count())),
    Switch("host", STATUS, found(STATUS, "body", "$.host", "value", "constant", "accepted"),
           at("host", lambda value, moment: host_name(moment))),
    Switch("version", STATUS, found(STATUS, "body", "$.version", "value", "constant", "accepted"),
           at("version", lambda value, moment: version(moment))),
    Switch("served_by", "", found(ITEMS, "header", "x-served-by", "value", "constant", "accepted"),
           header("X-Served-By", host_name)),
    Switch("encoding", "", found(ITEMS, "header", "content-encoding", "value", "same", "absent"), encoding=True),
    Switch("late", "", found(ORDER, "status", "", "value", "late", "undecided", "absent"), late=0.1),
    Switch("cookie", SESSION, found(SESSION, "header", ("set-cookie", "set-cookie:session"), "value", *_NOT_THERE),
           cookie),
    Switch("login_cookie", LOGIN,
           found(LOGIN, "header", ("set-cookie", "set-cookie:session"), "value", "ignored", "suspected", *_NOT_THERE),
           cookie),
    Switch("etag", REPORT, found(REPORT, "header", "etag", "value", *_NOT_THERE),
           header("ETag", lambda moment: f'"{hexadecimal(moment)}"')),
    Switch("bursts", "", bursts=True),
)  # fmt: skip
