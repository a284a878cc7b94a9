"""The shop's data: users, price lists, search results, pages. Each is made once from a source of random numbers."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.worlds.stamps import iso, new_uuid, word

USERS = 400
START = 1_650_000_000
"""Of the shop's data, in seconds since the epoch."""


def make_user(random: Random) -> dict[str, Any]:
    name = f"{word(random)} {word(random)}"
    tags = [f"{word(random)}-{number}" for number in range(random.randrange(3, 7))]
    return {
        "account": new_uuid(random),
        "name": name.title(),
        "email": name.replace(" ", ".") + "@mail.example",
        "nickname": word(random),
        "plan": random.choice(["free", "basic", "pro"]),
        "active": random.random() < 0.9,
        "created_at": iso(START + random.randrange(50_000_000)),
        "score": round(random.random() * 100, 4),
        "tags": tags,
        "address": {"city": word(random).title(), "zip": f"{random.randrange(10_000, 99_999)}"},
    }


def make_items(random: Random) -> list[dict[str, Any]]:
    return [
        {"sku": f"K{random.randrange(10_000, 99_999)}{place}", "name": f"{word(random)} {word(random)}",
         "price": round(random.uniform(1, 300), 2), "qty": random.randrange(1, 5)}
        for place in range(random.randrange(4, 11))
    ]  # fmt: skip


def make_results(random: Random) -> list[dict[str, Any]]:
    return [
        {"id": random.randrange(100, 9_999) * 10 + place, "title": f"{word(random)} {word(random)}",
         "rank": round(random.random(), 3)}
        for place in range(random.randrange(3, 9))
    ]  # fmt: skip


def make_feed(random: Random) -> list[dict[str, Any]]:
    return [
        {
            "id": place + 1,
            "title": f"{word(random)} {word(random)} {word(random)}",
            "published": iso(START + place * 999),
        }
        for place in range(12)
    ]


def make_report(random: Random) -> list[tuple[str, int, str]]:
    return [(word(random), random.randrange(1, 500), f"{random.uniform(1, 900):.2f}") for _ in range(15)]


def make_prefs(random: Random) -> dict[str, str]:
    return {"theme": random.choice(["dark", "light"]), "lang": random.choice(["de", "en", "fr"]),
            "page": str(random.choice([10, 20, 50])), "greeting": f"{word(random)} & {word(random)}"}  # fmt: skip


def make_events(random: Random) -> list[dict[str, Any]]:
    return [
        {"seq": place, "what": word(random), "amount": random.randrange(1000)}
        for place in range(random.randrange(3, 9))
    ]


def report_page(number: str, rows: list[tuple[str, int, str]]) -> str:
    lines = "\n".join(f"    <tr><td>{name}</td><td>{count}</td><td>{value}</td></tr>" for name, count, value in rows)
    return f"""<!DOCTYPE html>
<html lang="en">
<head><title>Report {number}</title><meta name="csrf" content="none"></head>
<body>
  <h1>Report {number}</h1>
  <p class="lead">Sales of the shop, by <a href="/account">account</a>.</p>
  <table>
    <tr><th>name</th><th>count</th><th>value</th></tr>
{lines}
  </table>
  <footer>shop</footer>
</body>
</html>
"""


def sitemap_page() -> str:
    pages = "\n".join(f"  <url><loc>https://shop.example/report/{n}</loc></url>" for n in range(40))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset>\n{pages}\n</urlset>\n'
