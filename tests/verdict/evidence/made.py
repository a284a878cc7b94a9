"""Pairs and reports, as a judge has them."""

import json

from httptee.compare import Difference, Key, Outcome
from httptee.http import Request
from httptee.verdict.court import Finding, LatencyReport, Pair, Report, RouteReport

PRICE = Difference(Key("body", "$.price", "value"), 1.5, 2.5, "$.price")
JSON = [("Content-Type", "application/json")]


def outcome(body=b'{"price":1.5}', headers=JSON, status=200, failure=""):
    return Outcome(status, list(headers), body, len(body or b""), failure=failure)


def request(target="/x", headers=(), body=b"", method="GET"):
    return Request(method, target, [("Host", "shop"), *headers], body, "", "http")


def pair(number=1, route="GET /x", a=None, b=None, asked=None, backend="b", at=1000.0):
    return Pair(
        number,
        backend,
        route,
        asked or request(),
        a or outcome(),
        b or outcome(b'{"price":2.5}'),
        at,
        at,
        0.001,
        0.002,
    )


def difference(path="$.price", kind="value", a=1.5, b=2.5, part="body"):
    return Difference(Key(part, path, kind), a, b, path)


def as_body(value):
    return json.dumps(value).encode()


def finding(label="differs", path="$.price", part="body", kind="value", route="GET /x", **more):
    fields = {
        "id": "f1",
        "reason": "B alone differed in 16 of 16",
        "pairs": 20,
        "share": 0.2,
        "evidence": 1e6,
        "a": "1.5",
        "b": "2.5",
        "line": f"ignore='{route} {part} {path}'",
        **more,
    }
    return Finding(route=route, part=part, path=path, kind=kind, label=label, **fields)


def latency(label="within", reason="", a=0.002, b=0.002):
    return LatencyReport(label, reason, 100, a, b, None if a is None else 5 * a, None if b is None else 5 * b)


def route(name="GET /x", word="NO", findings=(), **more):
    fields = {
        "judged": 1000,
        "equal": 980,
        "unexplained": 20,
        "share": 0.5,
        "bound": 0.03,
        "latency": latency(),
        "findings": tuple(findings),
        **more,
    }
    return RouteReport(name, word, **fields)


def report(word="NO", backend="b", routes=(), **more):
    fields = {
        "chapter": 1,
        "since": 0.0,
        "summary": "a summary",
        "delta": 0.001,
        "alpha": 0.01,
        "offered": 2000,
        "delivered": 1990,
        "chosen": 1500,
        "judged": 1000,
        "repeats": 17,
        "routes": tuple(routes),
        **more,
    }
    return Report(backend=backend, word=word, **fields)
