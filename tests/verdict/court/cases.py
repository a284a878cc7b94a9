"""Pairs and answers for the tests of the court, and a small service with noise whose B can be given defects."""

from __future__ import annotations

from random import Random

import orjson

from httptee.compare import Outcome, differences
from httptee.http import Request
from httptee.verdict.court.bets import stakes
from httptee.verdict.court.pair import Again, Pair

NOW = 1_700_000_000.0
ROUTE = "GET /users/{int}"


def answer(content, status=200, **headers):
    """An answer with a body of JSON."""
    fields = [
        ("Content-Type", "application/json"),
        *((name.replace("_", "-"), value) for name, value in headers.items()),
    ]
    body = orjson.dumps(content)
    return Outcome(status, fields, body, len(body))


def blocks(slower=0, quick=0, odds=3.0):
    """The counts of blocks of times with these odds, for the sums of a route."""
    small, middle, large = (round(1e6 * (slower + quick) * stake) for stake in stakes(odds))
    return {
        "blocks": slower + quick, "slower": slower, "quick": quick,
        "slower_odds": round(1e6 * slower * odds), "quick_odds": round(1e6 * quick * odds),
        "small_stake": small, "middle_stake": middle, "large_stake": large,
    }  # fmt: skip


def failed(reason="timeout"):
    return Outcome(0, [], None, failure=reason)


def pair(a, b, number=1, at=NOW, route=ROUTE, extra=False):
    """A pair of outcomes; what is no outcome becomes the body of one."""
    a, b = (each if isinstance(each, Outcome) else answer(each) for each in (a, b))
    request = Request(route.partition(" ")[0], "/users/7", [], b"", "127.0.0.1", "http")
    return Pair(number, "b", route, request, a, b, at, at + 0.01, 0.01, 0.01, extra)


def again(a, b, at=NOW + 1, delayed=False, more=()):
    a, b, *more = (each if isinstance(each, Outcome) else answer(each) for each in (a, b, *more))
    return Again(a, b, at, delayed, tuple(more))


class Service:
    """Answers A and B from their own sources of random numbers. `edit(content, random, now)` is B's defect."""

    def __init__(self, seed, edit=None):
        self.random = {side: Random(f"{seed}/{side}") for side in "ab"}
        self.edit = edit

    def ask(self, side, user, now):
        random = self.random[side]
        content = {
            "id": user,
            "plan": ("free", "pro", "team")[user % 3],
            "score": user * 1.37,
            "active": True,
            "request_id": f"{random.getrandbits(96):024x}",
            "now": int(now),
            "took_ms": int(random.lognormvariate(2.0, 0.6)) + 1,
            "shard": f"s{random.randrange(4)}",
            "promo": random.random() < 0.02,
        }
        if self.edit and side == "b":
            self.edit(content, random, now)
        return answer(content)


def played(court, service, requests=1500, every=0.1, most_per_second=2.0, seed=1):
    """Give a court the pairs of a service, and its confirmations within a limit. Returns the number of repeats."""
    random, now, made, budget, wishes = Random(seed), NOW, 0, 1.0, []
    for number in range(1, requests + 1):
        now += every
        user = random.randrange(200)
        one = pair(service.ask("a", user, now), service.ask("b", user, now), number, now)
        wish = court.unequal(one, differences(one.a, one.b))
        wishes += [(wish, user)] if wish else []
        budget = min(1.0, budget + every * most_per_second)
        ready = [each for each in wishes if each[0].due <= now]
        if ready and budget >= 1.0:
            budget -= 1.0
            made += 1
            wish, user = max(ready, key=lambda each: (each[0].priority, each[0].due))
            wishes = [each for each in wishes if each[0] is not wish and now - each[0].due < 30]
            answers = again(service.ask("a", user, now), service.ask("b", user, now), now, wish.delayed)
            one = wish.pair
            further = court.confirmed(one, answers, differences(one.a, one.b))
            wishes += [(further, user)] if further else []
    return made
