"""The fleet's data: vehicles, drivers, trips, tariffs, pages. Each is made once from a source of random numbers."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.worlds.stamps import new_uuid, word

VEHICLES, DRIVERS = 250, 300
START = 1_600_000_000_000
"""Of the fleet's data, in milliseconds since the epoch."""


def make_vehicles(random: Random) -> list[str]:
    return [new_uuid(random) for _ in range(VEHICLES)]


def make_vehicle(random: Random) -> dict[str, Any]:
    return {
        "plate": f"{word(random)[:2].upper()}-{random.randrange(100, 9999)}",
        "model": {"maker": word(random).title(), "year": random.randrange(2012, 2024), "doors": random.choice([3, 5])},
        "electric": random.random() < 0.6,
        "ownerId": new_uuid(random),
        "equipment": [f"{word(random)}{number}" for number in range(random.randrange(3, 8))],
        "position": [round(random.uniform(46, 48), 5), round(random.uniform(6, 10), 5)],
        "mileage": random.randrange(1_000, 200_000),
        "inspectionDue": False,
    }


def make_trips(random: Random) -> list[dict[str, Any]]:
    return [
        {"tripId": f"T-{random.randrange(10**6)}-{place}", "startedAt": START + random.randrange(60_000_000_000),
         "distance": round(random.uniform(0.3, 90), 3),
         "fare": {"amount": round(random.uniform(4, 80), 2), "unit": "CHF"},
         "legs": [{"to": word(random), "minutes": random.randrange(2, 50)} for _ in range(random.randrange(1, 4))]}
        for place in range(random.randrange(3, 9))
    ]  # fmt: skip


def make_driver(random: Random) -> dict[str, Any]:
    return {
        "fullName": f"{word(random)} {word(random)}".title(),
        "phone": f"+41 44 {random.randrange(100, 999)} {random.randrange(10, 99)}",
        "rating": {"score": round(random.uniform(2, 5), 4), "votes": random.randrange(1000), "badge": "none"},
        "tripsTotal": random.randrange(10, 5000),
        "languages": [word(random)[:2] for _ in range(3)],
    }


def make_places(random: Random) -> list[dict[str, Any]]:
    return [
        {"vehicleId": new_uuid(random), "meters": random.randrange(20, 2000), "free": random.random() < 0.7}
        for _ in range(random.randrange(4, 10))
    ]


def make_tariffs(random: Random) -> list[dict[str, Any]]:
    return [
        {"code": f"{word(random)}-{place}", "perKm": round(random.uniform(0.2, 3), 2), "base": place + 2.5,
         "nights": random.random() < 0.5}
        for place in range(7)
    ]  # fmt: skip


def make_alerts(random: Random) -> list[tuple[str, str]]:
    return [(f"urn:alert:{place}", f"{word(random)} {word(random)} {word(random)}") for place in range(9)]


def make_rows(random: Random) -> str:
    lines = [f"{word(random)};{random.randrange(9999)};{random.uniform(0, 100):.3f}" for _ in range(30)]
    return "\r\n".join(["street;count;share", *lines, ""])


def make_receipt(random: Random) -> list[tuple[str, str]]:
    return [(word(random), f"{random.uniform(1, 50):.2f}") for _ in range(random.randrange(3, 7))]


def receipt_page(number: str, lines: list[tuple[str, str]], views: int) -> str:
    parts = "".join(f'<li class="line"><b>{name}</b> <i>{amount}</i></li>' for name, amount in lines)
    return (
        f"<!doctype html><html><head><title>Receipt {number}</title></head><body><header><h2>Fleet</h2></header>"
        f'<ul id="lines">{parts}</ul><p class="views">{views}</p><p>Thank you for the ride, and come back soon. '
        f"Questions are answered by <a href='/healthz'>the office</a> on every working day.</p></body></html>\n"
    )


def alerts_feed(entries: list[tuple[str, str]], updated: str) -> str:
    parts = "".join(f"<entry><id>{name}</id><title>{title}</title></entry>" for name, title in entries)
    return f'<?xml version="1.0"?><feed><title>Alerts</title><updated>{updated}</updated>{parts}</feed>'
