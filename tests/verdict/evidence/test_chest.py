from random import Random

import pytest

from httptee.compare import Key, Outline
from httptee.verdict.evidence.chest import Chest, as_text, storable, stored_pair
from httptee.verdict.evidence.database import open_memory
from httptee.verdict.evidence.keeping import kept
from tests.verdict.evidence.made import PRICE, as_body, difference, outcome, pair

PLACE = ("b", 1, "GET /x", PRICE.key)


@pytest.fixture
def chest():
    made = Chest(open_memory(), 1 << 20, 3600.0, Random(1))
    made.keep_chapter("b", "", 1, 0.0)
    yield made
    made.close()


def put(chest, number, route="GET /x", found=(PRICE,), at=1000.0, size=100):
    slots = chest.draw("b", 1, route, found)
    body = as_body({"x": Random(number).randbytes(size).hex()})
    one = pair(number, route, a=outcome(body), at=at)
    return bool(slots) and chest.put(kept(one, found, None, "full", 1), slots)


def numbers(chest):
    return [number for (number,) in chest._db.execute("SELECT number FROM pairs ORDER BY number")]


def test_a_pair_is_kept_until_none_of_its_keys_needs_it(chest):
    for number in range(1, 1001):
        put(chest, number)
    kept_numbers = numbers(chest)
    assert kept_numbers[:5] == [1, 2, 3, 4, 5]
    assert len(kept_numbers) == 25
    assert max(kept_numbers) > 100


def test_a_pair_that_another_key_needs_stays(chest):
    other = difference("$.other")
    put(chest, 10, found=(PRICE, other))
    for number in range(11, 500):
        put(chest, number)
    chest._db.execute("UPDATE kept SET pair = 10 WHERE slot = 10")
    chest.commit(1000.0)
    assert chest.example(("b", 1, "GET /x", other.key))[1] == (10,)
    assert chest.pair(10) is not None


def test_the_oldest_go_when_there_is_no_room(chest):
    for number in range(1, 3001):
        put(chest, number, f"GET /{number}", size=500)
    left = numbers(chest)
    assert left[-1] == 3000
    assert left == list(range(left[0], 3001))
    assert chest._bytes <= chest._most
    assert chest._db.execute("SELECT count(*) FROM kept").fetchone() == (len(left),)
    assert len(chest._samples.keys) == len(left)


def test_what_is_too_old_goes_and_its_key_begins_anew(chest):
    put(chest, 1, at=1000.0)
    chest.commit(1000.0 + 3599.0)
    assert numbers(chest) == [1]
    chest.commit(1000.0 + 3601.0)
    assert numbers(chest) == []
    assert chest.example(PLACE) is None
    put(chest, 2, at=5000.0)
    chest.commit(5000.0)
    assert chest.example(PLACE)[1] == (2,)


def test_numbers_are_never_given_twice(chest):
    assert chest.next_number() == 1
    put(chest, 41, at=0.0)
    assert chest.next_number() == 42
    chest.commit(1e6)
    assert numbers(chest) == []
    assert chest.next_number() == 42


def test_a_pair_that_is_far_too_large_is_refused(chest):
    assert not put(chest, 1, size=400_000)
    assert numbers(chest) == []


def test_a_pair_is_replaced_only_if_it_is_there(chest):
    put(chest, 1)
    assert chest.put(kept(pair(1), [PRICE], None, "values", 1), None)
    assert chest.pair(1).keep == "values"
    assert not chest.put(kept(pair(2), [PRICE], None, "values", 1), None)
    assert numbers(chest) == [1]


def test_the_sizes_add_up(chest):
    for number in range(1, 200):
        put(chest, number)
        put(chest, number + 1000, "GET /y")
    assert chest._bytes == chest._db.execute("SELECT sum(size) FROM pairs").fetchone()[0]


def test_another_fingerprint_begins_a_chapter(chest):
    assert chest.chapter("c", "one", False, 0.0) == 1
    assert chest.chapter("c", "one", False, 0.0) == 1
    assert chest.chapter("c", "two", False, 0.0) == 2
    assert chest.chapter("c", "two", True, 0.0) == 3
    assert chest.chapter("d", "two", False, 0.0) == 1


def test_a_new_chapter_counts_its_keys_anew_and_keeps_the_pairs_of_the_old_one(chest):
    put(chest, 1)
    assert chest.chapter("b", "new", False, 0.0) == 2
    assert chest.example(PLACE) is None
    assert chest.pair(1).chapter == 1


def test_an_example_with_a_credential_is_not_replaced_by_one_without(chest):
    put(chest, 1)
    one = kept(pair(1), [PRICE], None, "full", 1)
    for values, masked in (((1, 2), False), (("***1", "***2"), True), ((3, 4), False)):
        chest.note_example(one, difference(a=values[0], b=values[1]), masked)
    seen, _ = chest.example(PLACE)
    assert (seen.a, seen.b, seen.masked) == ('"***1"', '"***2"', True)


def test_a_long_path_is_cut_and_a_strange_one_can_be_stored(chest):
    long = Key("body", "$." + "x" * 5000, "value")
    assert len(storable(long).path) == 1000
    assert storable(PRICE.key) is PRICE.key
    assert put(chest, 1, found=(difference("$.\udc80"), difference(long.path)))
    chest.commit(1000.0)


def test_a_pair_with_very_many_differences_takes_few_rows(chest):
    put(chest, 1, found=[difference(f"$.k{number}") for number in range(100_000)])
    assert chest._db.execute("SELECT count(*) FROM kept").fetchone()[0] <= 50


@pytest.mark.parametrize("number", [-1, 7, 1 << 63, 1 << 80])
def test_a_number_without_a_pair_is_none(chest, number):
    assert chest.pair(number) is None


def test_a_damaged_row_is_none(chest):
    put(chest, 1)
    chest._db.execute("UPDATE pairs SET head = '{'")
    assert stored_pair(chest._db, 1) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [("1", '"1"'), (1, "1"), (1.5, "1.5"), (True, "true"), (None, "null"), (b"\xff", '"\\\\xff"'), ("é", '"é"'),
     ("\udc80", '"?"'), (Outline('["a", "b"]'), '["a", "b"]')],
)  # fmt: skip
def test_a_value_is_told_from_its_text(value, text):
    assert as_text(value) == text
