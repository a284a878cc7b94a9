"""The clinic's data: patients, stays, free times, wards, letters. Each is made once from a source of random numbers."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.worlds.stamps import iso, new_uuid, word

PATIENTS, LETTERS = 600, 120
OPENED = 1_500_000_000
"""Of the clinic's data, in seconds since the epoch."""


def make_patient(random: Random) -> dict[str, Any]:
    return {
        "name": {"family": word(random), "given": [word(random) for _ in range(random.randrange(1, 3))]},
        "born": f"{random.randrange(1930, 2020)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}",
        "insurance": {"kind": "basic", "policy": new_uuid(random), "valid": random.random() < 0.9},
        "allergies": sorted({word(random) for _ in range(random.randrange(3, 7))}),
        "contact": {"mail": f"{word(random)}@{word(random)}.example", "phone": f"0{random.randrange(10**8, 10**9)}"},
        "index": {"bmi": round(random.uniform(17, 38), 5), "risk": random.randrange(1, 9)},
        "notices": {"recall": False, "open": random.randrange(40)},
    }


def make_stays(random: Random) -> list[dict[str, Any]]:
    return [
        {"case": 10**7 * (place + 1) + random.randrange(10**7), "from": iso(OPENED + random.randrange(200_000_000)),
         "ward": word(random), "bill": [
             {"code": f"{word(random)[:3].upper()}.{line}", "sum": round(random.uniform(15, 900), 2)}
             for line in range(random.randrange(1, 5))]}
        for place in range(random.randrange(2, 7))
    ]  # fmt: skip


def make_times(random: Random) -> list[dict[str, Any]]:
    return [
        {"at": f"{8 + place // 3:02}:{place % 3 * 20:02}", "room": random.randrange(100, 400), "doctor": word(random)}
        for place in range(random.randrange(5, 14))
    ]


def make_wards(random: Random) -> dict[str, Any]:
    return {word(random): {"beds": random.randrange(8, 60), "floor": random.randrange(6)} for _ in range(9)}


def make_lines(random: Random) -> list[dict[str, Any]]:
    return [
        {"drug": f"{word(random)}-{place}", "units": random.randrange(400), "dose": round(random.uniform(0.1, 50), 3)}
        for place in range(25)
    ]


def make_form(random: Random) -> dict[str, str]:
    return {"title": word(random), "pages": str(random.randrange(1, 9)), "language": word(random)[:2]}


def make_words(random: Random) -> list[str]:
    return [" ".join(word(random) for _ in range(random.randrange(4, 12))) for _ in range(random.randrange(3, 8))]


def letter_page(number: str, paragraphs: list[str], opened: int) -> str:
    text = "".join(f"<p>{each}.</p>" for each in paragraphs)
    return (
        f"<!doctype html><html><head><title>Letter {number}</title></head><body><main><h1>Dear colleague</h1>{text}"
        f"</main><footer><span>With kind regards, the clinic by the lake, which answers the telephone on weekdays from "
        f"eight to five and at no other time.</span><small>{opened}</small></footer></body></html>\n"
    )


def bulletin(entries: list[str], made: str) -> str:
    parts = "".join(f"<notice n='{number}'>{text}</notice>" for number, text in enumerate(entries))
    return f'<?xml version="1.0"?><bulletin><made>{made}</made><notices>{parts}</notices></bulletin>'
