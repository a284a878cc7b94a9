from collections import Counter
from random import Random

from httptee.compare import Key
from httptee.verdict.evidence import samples
from httptee.verdict.evidence.samples import AT_RANDOM, FIRST, Samples, Seen

PLACE = ("b", 1, "GET /x", Key("body", "$.price", "value"))


def test_the_first_25_pairs_have_a_slot_each():
    drawn = Samples(Random(1))
    assert [drawn.draw(PLACE)[1] for _ in range(25)] == list(range(25))


def test_every_later_pair_has_the_same_chance_to_be_kept():
    pairs, rounds = 100, 2000
    kept = Counter()
    for seed in range(rounds):
        drawn, slots = Samples(Random(seed)), {}
        for number in range(pairs):
            found = drawn.draw(PLACE)
            if found:
                slots[found[1]] = number
        assert [slots[slot] for slot in range(FIRST)] == [0, 1, 2, 3, 4]
        kept.update(slots.values())
    expected = rounds * AT_RANDOM / (pairs - FIRST)
    assert all(0.8 * expected < kept[number] < 1.2 * expected for number in range(FIRST, pairs))


def test_each_key_has_its_own_slots_and_row():
    drawn = Samples(Random(1))
    other = ("b", 1, "GET /y", PLACE[3])
    first, second = drawn.draw(PLACE), drawn.draw(other)
    assert (first[1], second[1]) == (0, 0)
    assert first[0].row != second[0].row


def test_a_restored_key_goes_on_where_it_was():
    drawn = Samples(Random(1))
    drawn.restore(PLACE, Seen(7, count=3, changed=False))
    assert drawn.changes() == []
    seen, slot = drawn.draw(PLACE)
    assert (seen.row, seen.count, slot) == (7, 4, 3)
    assert drawn.draw(("c", 1, "GET /x", PLACE[3]))[0].row == 8


def test_changes_are_given_once():
    drawn = Samples(Random(1))
    drawn.draw(PLACE)
    assert [place for place, _ in drawn.changes()] == [PLACE]
    assert drawn.changes() == []


def test_the_number_of_keys_is_bounded(monkeypatch):
    monkeypatch.setattr(samples, "MOST_KEYS", 2)
    drawn = Samples(Random(1))
    got = [drawn.draw(("b", 1, f"GET /{number}", PLACE[3])) for number in range(4)]
    assert [slot is not None for slot in got] == [True, True, False, False]
    assert drawn.refused == 2


def test_keys_are_forgotten_by_row_and_by_chapter():
    drawn = Samples(Random(1))
    seen, _ = drawn.draw(PLACE)
    drawn.draw(("b", 2, "GET /x", PLACE[3]))
    drawn.draw(("c", 1, "GET /x", PLACE[3]))
    drawn.forget({seen.row})
    assert PLACE not in drawn.keys
    drawn.forget_before("b", 3)
    assert [place[0] for place in drawn.keys] == ["c"]
