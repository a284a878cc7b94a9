import collections
import functools
import multiprocessing
import os
import random
import subprocess
import sys
import threading

import pytest

from httptee.http.message import Request
from httptee.selection.sampling import Deck, SharedDeck, Sticky, stable_position

USERS = 100_000
PROMISED = [43.983578, 39.355003, 90.201349]


def request(headers=(), target="/", client="192.0.2.1"):
    return Request("GET", target, list(headers), b"", client, "http")


@functools.cache
def positions(count=USERS, salt="canary"):
    position = stable_position(salt)
    return [position(f"user-{number}") for number in range(count)]


def fingerprint(count=2_000):
    return [number for number, position in enumerate(positions(count)) if position < 10]


# Drawing


@pytest.mark.parametrize("percent", [1, 10, 37, 99])
def test_of_every_hundred_draws_each_percent_has_one(percent):
    deck = Deck()
    for _ in range(20):
        assert sum(deck.draw() < percent for _ in range(100)) == percent


@pytest.mark.parametrize("percent", [0.5, 2.5])
def test_a_fraction_of_a_percent_is_a_card_more_or_less(percent):
    random.seed(1)
    deck = Deck()
    taken = [sum(deck.draw() < percent for _ in range(100)) for _ in range(2000)]
    assert set(taken) == {int(percent), int(percent) + 1}
    assert abs(sum(taken) / 2000 - percent) < 0.05


def test_a_rhythm_in_the_traffic_is_no_share_of_its_own():
    random.seed(2)
    deck = Deck()
    drawn = [deck.draw() < 10 for _ in range(200_000)]
    assert abs(sum(drawn[::10]) / 20_000 - 0.1) < 0.01


def test_two_decks_draw_independently():
    random.seed(3)
    one, other = Deck(), Deck()
    both = sum((one.draw() < 50) & (other.draw() < 50) for _ in range(20_000))
    assert abs(both / 20_000 - 0.25) < 0.02


def test_many_threads_may_draw_from_one_deck():
    deck, drawn = Deck(), collections.Counter()
    lock = threading.Lock()

    def draw():
        mine = collections.Counter(int(deck.draw()) for _ in range(5_000))
        with lock:
            drawn.update(mine)

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert drawn.total() == 20_000
    # What is left on the table is all that may be missing: one deck a thread.
    assert all(196 <= drawn[percent] <= 204 for percent in range(100))


def test_a_shared_deck_draws_once_for_a_request():
    deck = SharedDeck()
    first, second = request(), request()
    position = deck.position(first)
    assert deck.position(first) == position
    assert deck.position(second) != position


# Sticking


@pytest.mark.parametrize(
    ("text", "asked", "key"),
    [
        ("header:X-User", request([("x-user", "7"), ("X-User", "8")]), "7"),
        ("header:X-User", request([("X-Other", "7")]), None),
        ("header:X-User", request([("X-User", "")]), None),
        ("cookie:sid", request([("Cookie", "a=1; sid=abc; b=2")]), "abc"),
        ("cookie:sid", request([("Cookie", "xsid=1"), ("cookie", 'sid="abc"')]), "abc"),
        ("cookie:sid", request([("Cookie", "xsid=1; SID=2")]), None),
        ("cookie:sid", request(), None),
        ("client-ip", request(), "192.0.2.1"),
        ("client-ip", request(client=""), None),
        ("path", request(target="/a/b?c"), "/a/b"),
    ],
)
def test_the_key_is_what_the_requests_of_one_user_have_in_common(text, asked, key):
    assert Sticky.parse(text).key(asked) == key


def test_a_position_never_reaches_the_end_of_the_scale():
    assert all(0 <= position < 100 for position in positions())


@pytest.mark.parametrize("percent", [1, 10, 20, 50])
def test_of_a_hundred_thousand_users_the_share_is_within_three_tenths_of_a_point(percent):
    assert abs(sum(position < percent for position in positions()) / USERS * 100 - percent) < 0.3


def test_users_spread_evenly_over_64_buckets():
    buckets = collections.Counter(int(position * 0.64) for position in positions())
    expected = USERS / 64
    chi_squared = sum((buckets[bucket] - expected) ** 2 / expected for bucket in range(64))
    assert chi_squared < 82.53  # 63 degrees of freedom, 5 percent


def test_different_salts_choose_different_users():
    both = sum(a < 50 and b < 50 for a, b in zip(positions(20_000, "a"), positions(20_000, "b"), strict=True))
    assert abs(both / 20_000 - 0.25) < 0.01


def test_the_positions_are_a_promise():
    position = stable_position("canary")
    assert [round(position(user), 6) for user in ("1", "alice", "sésame")] == PROMISED


def test_four_forked_workers_and_a_restart_choose_the_same_users():
    context = multiprocessing.get_context("fork")
    with context.Pool(4) as pool:
        chosen = pool.map(_in_worker, range(4), chunksize=1)
    code = "from tests.selection.test_sampling import fingerprint; print(fingerprint())"
    restarted = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert chosen == [fingerprint()] * 4
    assert restarted.stdout.strip() == str(fingerprint())


def _in_worker(_):
    return fingerprint()
