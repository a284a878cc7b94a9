"""The noises of the fleet's A and B, each with what a verdict has to call it."""

from __future__ import annotations

from tests.worlds.edits import at, header, kept_since
from tests.worlds.fleet.defects import BOOKING, ME, NEARBY, RECEIPT, VEHICLE
from tests.worlds.service import Draft, Moment
from tests.worlds.stamps import iso
from tests.worlds.switches import Switch, found, table

ALERTS, HEALTH, TOKEN, TILE = "GET /alerts.atom", "GET /healthz", "POST /oauth/token", "GET /tiles/{int}/{int}"
CACHED = 60.0
_NOT_THERE = ("noise", "same", "absent")


def clock(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        now = int(moment.at * 1000)
        draft.content |= {"serverTimeMs": now, "today": iso(moment.at)[:19]}
        draft.content["session"]["validUntil"] = now + 900_000


def stamp(draft: Draft, moment: Moment) -> None:
    before, _, rest = draft.content.partition("<updated>")
    draft.content = f"{before}<updated>{iso(kept_since(moment, CACHED))}{rest[rest.index('</updated>') :]}"


def views(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        draft.content = draft.content.replace('class="views">0<', f'class="views">{moment.count()}<')


def pod(moment: Moment) -> str:
    return {"a": "fleet-blue-0", "a2": "fleet-blue-1", "b": "fleet-green-0"}[moment.side]


def build(moment: Moment) -> str:
    return "2024.11.1" if moment.side == "b" else "2024.10.7"


def nonce(moment: Moment, bits: int = 128) -> str:
    return f"{moment.random.getrandbits(bits):0{bits // 4}x}"


def seen(moment: Moment) -> str:
    return f"seen={nonce(moment, 64)}; Secure; Path=/v2"


def set_cookie(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        draft.headers = [(name, seen(moment) if name == "Set-Cookie" else value) for name, value in draft.headers]


def shuffle(draft: Draft, moment: Moment) -> None:
    moment.random.shuffle(draft.content["hits"])


NOISES = table(
    Switch("uuid", NEARBY, found(NEARBY, "body", "$.meta.traceId", "value", "noise"),
           at("meta.traceId", lambda value, moment: nonce(moment))),
    Switch("clock", ME,
           found(ME, "body", "$.serverTimeMs", "value", "noise")
           + found(ME, "body", "$.session.validUntil", "value", "noise")
           + found(ME, "body", "$.today", "value", "noise", "refreshes", "undecided", "late", "absent"), clock),
    Switch("took", NEARBY, found(NEARBY, "body", "$.meta.elapsed", "value", "noise"),
           at("meta.elapsed", lambda value, moment: round(moment.random.lognormvariate(-3.0, 0.5), 4))),
    Switch("shuffle", NEARBY, found(NEARBY, "body", ("$.hits", "$.hits[]"), "order", "noise"), shuffle),
    Switch("shards", NEARBY, found(NEARBY, "body", "$.meta.node", "value", "noise"),
           at("meta.node", lambda value, moment: int(moment.random.random() * 4))),
    Switch("flaky", VEHICLE,
           found(VEHICLE, "body", "$.data.vehicle.inspectionDue", "value", "noise", "undecided", "late", "absent"),
           at("data.vehicle.inspectionDue", lambda value, moment: moment.random.random() < 0.02)),
    Switch("stamp", ALERTS,
           found(ALERTS, "body", ("/feed/updated/text()", "/feed/updated"), "value", "refreshes"), stamp),
    Switch("hits", RECEIPT, found(RECEIPT, "body", ("/html/body/p/text()", "/html/body/p"), "value", "noise"), views),
    Switch("host", HEALTH, found(HEALTH, "body", "$.instance.name", "value", "constant", "accepted"),
           at("instance.name", lambda value, moment: pod(moment))),
    Switch("version", HEALTH,
           found(HEALTH, "body", "$.instance.build", "value", "constant", "accepted"),
           at("instance.build", lambda value, moment: build(moment))),
    Switch("server", HEALTH, found(HEALTH, "header", "server", "value", "constant", "accepted"),
           header("Server", lambda moment: f"fleet/{build(moment)}")),
    Switch("served_by", "", found(TILE, "header", "x-pod", "value", "constant", "accepted"), header("X-Pod", pod)),
    Switch("encoding", "", found(VEHICLE, "header", "content-encoding", "value", "same", "absent"), encoding=True),
    Switch("late", "", found(BOOKING, "status", "", "value", "late", "undecided", "absent"), late=0.1),
    Switch("cookie", ME, found(ME, "header", ("set-cookie", "set-cookie:seen"), "value", *_NOT_THERE), set_cookie),
    Switch("login_cookie", TOKEN,
           found(TOKEN, "body", "$.access_token", "value", "ignored", "suspected", *_NOT_THERE),
           at("access_token", lambda value, moment: value.replace(".0", f".{nonce(moment)}"))),
    Switch("etag", VEHICLE, found(VEHICLE, "header", "etag", "value", *_NOT_THERE),
           header("ETag", lambda moment: f'W/"{nonce(moment, 80)}"')),
    Switch("bursts", "", bursts=True),
)  # fmt: skip
