"""The noises of the clinic's A and B, each with what a verdict has to call it."""

from __future__ import annotations

from tests.worlds.clinic.defects import BOOKED, LETTER, PATIENT, SCAN, STAYS, TIMES, WHO
from tests.worlds.edits import at, header, kept_since
from tests.worlds.service import Draft, Moment
from tests.worlds.stamps import iso, new_uuid
from tests.worlds.switches import Switch, found, table

BULLETIN, ABOUT, SIGN_IN = "GET /bulletin.xml", "GET /about", "POST /api/signin"
CACHED = 60.0
_NOT_THERE = ("noise", "same", "absent")


def clock(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        draft.content |= {"now": iso(moment.at), "ticks": round(moment.at, 3), "until": iso(moment.at + 1200)}


def stamp(draft: Draft, moment: Moment) -> None:
    before, _, rest = draft.content.partition("<made>")
    draft.content = f"{before}<made>{iso(kept_since(moment, CACHED))}{rest[rest.index('</made>') :]}"


def opened(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        draft.content = draft.content.replace("<small>0<", f"<small>{moment.count()}<")


def machine(moment: Moment) -> str:
    return {"a": "ward-srv-11", "a2": "ward-srv-12", "b": "ward-srv-31"}[moment.side]


def release(moment: Moment) -> str:
    return "r3081" if moment.side == "b" else "r2977"


def ticket(moment: Moment) -> str:
    return f"{moment.random.getrandbits(160):040x}"


def cookie(draft: Draft, moment: Moment) -> None:
    if draft.status == 200:
        draft.headers = [
            (name, f"clinic={ticket(moment)}; Path=/; HttpOnly" if name == "Set-Cookie" else value)
            for name, value in draft.headers
        ]


def shuffle(draft: Draft, moment: Moment) -> None:
    moment.random.shuffle(draft.content["free"])


NOISES = table(
    Switch("uuid", TIMES, found(TIMES, "body", "$.request", "value", "noise"),
           at("request", lambda value, moment: new_uuid(moment.random))),
    Switch("clock", WHO,
           found(WHO, "body", "$.ticks", "value", "noise")
           + found(WHO, "body", "$.now", "value", "noise", "refreshes", "undecided", "late", "absent"), clock),
    Switch("took", TIMES, found(TIMES, "body", "$.micros", "value", "noise"),
           at("micros", lambda value, moment: int(moment.random.lognormvariate(9.0, 0.5)))),
    Switch("shuffle", TIMES, found(TIMES, "body", ("$.free", "$.free[]"), "order", "noise"), shuffle),
    Switch("shards", TIMES, found(TIMES, "body", "$.replica", "value", "noise"),
           at("replica", lambda value, moment: f"north-{int(moment.random.random() * 4)}")),
    Switch("flaky", PATIENT,
           found(PATIENT, "body", "$.notices.recall", "value", "noise", "undecided", "late", "absent"),
           at("notices.recall", lambda value, moment: moment.random.random() < 0.02)),
    Switch("stamp", BULLETIN,
           found(BULLETIN, "body", ("/bulletin/made/text()", "/bulletin/made"), "value", "refreshes"), stamp),
    Switch("hits", LETTER,
           found(LETTER, "body", ("/html/body/footer/small/text()", "/html/body/footer/small"), "value", "noise"),
           opened),
    Switch("host", ABOUT, found(ABOUT, "body", "$.machine", "value", "constant", "accepted"),
           at("machine", lambda value, moment: machine(moment))),
    Switch("version", ABOUT, found(ABOUT, "body", "$.release", "value", "constant", "accepted"),
           at("release", lambda value, moment: release(moment))),
    Switch("served_by", "", found(STAYS, "header", "x-machine", "value", "constant", "accepted"),
           header("X-Machine", machine)),
    Switch("encoding", "", found(STAYS, "header", "content-encoding", "value", "same", "absent"), encoding=True),
    Switch("late", "", found(BOOKED, "status", "", "value", "late", "undecided", "absent"), late=0.1),
    Switch("cookie", WHO, found(WHO, "header", ("set-cookie", "set-cookie:clinic"), "value", *_NOT_THERE), cookie),
    Switch("login_cookie", SIGN_IN,
           found(SIGN_IN, "body", "$.ticket", "value", "ignored", "suspected", *_NOT_THERE),
           at("ticket", lambda value, moment: ticket(moment))),
    Switch("etag", SCAN, found(SCAN, "header", "etag", "value", *_NOT_THERE),
           header("ETag", lambda moment: f'"{ticket(moment)}"')),
    Switch("bursts", "", bursts=True),
)  # fmt: skip
