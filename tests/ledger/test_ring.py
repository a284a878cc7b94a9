import os

from hypothesis import given
from hypothesis import strategies as st

from httptee.ledger import Ring

SIZES = st.lists(st.tuples(st.booleans(), st.integers(1, 90)), max_size=60)


def taken_from(ring, most=1 << 20):
    batches = ring.batches(most)
    if batches:
        ring.begin(batches[-1])
        ring.settle()
    return [(batch.kind, batch.count, batch.data) for batch in batches]


def test_batches_come_out_as_they_went_in():
    ring = Ring(1000)
    assert ring.put(1, 3, b"three")
    assert ring.put(2, 1, b"one")
    assert (ring.put_in, ring.taken, repr(ring)) == (4, 0, "<Ring [40 of 1000 bytes]>")
    assert taken_from(ring) == [(1, 3, b"three"), (2, 1, b"one")]
    assert (ring.put_in, ring.taken, ring.held) == (4, 4, 0)
    assert taken_from(ring) == []


def test_what_finds_no_room_is_not_put_in():
    ring = Ring(100)
    assert ring.put(1, 1, bytes(60))
    assert not ring.put(1, 1, bytes(60))
    assert (ring.put_in, ring.held) == (1, 76)
    assert not Ring(100).put(1, 1, bytes(85))


def test_an_empty_ring_has_room_for_all_that_fits_at_all():
    ring = Ring(100)
    for size in (10, 84, 1, 84, 50):
        assert ring.put(1, 1, bytes(size))
        assert taken_from(ring) == [(1, 1, bytes(size))]


def test_an_empty_ring_is_filled_from_its_beginning_and_then_has_room_for_more():
    ring = Ring(200)
    for _ in range(20):
        assert all(ring.put(1, 1, bytes(20)) for _ in range(5))
        assert ring.held == 180
        assert len(taken_from(ring)) == 5


def test_no_more_is_taken_at_once_than_was_asked_for_and_one_batch():
    ring = Ring(1000)
    for number in range(5):
        ring.put(1, 1, bytes([number]) * 10)
    assert [data[0] for _, _, data in taken_from(ring, 15)] == [0, 1]
    assert [data[0] for _, _, data in taken_from(ring)] == [2, 3, 4]


def test_what_is_not_settled_is_given_again_and_a_successor_may_settle_it():
    ring = Ring(1000)
    ring.put(1, 2, b"first")
    batches = ring.batches(100)
    ring.begin(batches[-1])
    assert (ring.in_progress, ring.taken) == (2, 0)
    assert ring.batches(100) == batches
    ring.put(1, 1, b"second")
    ring.settle()
    assert (ring.in_progress, ring.taken) == (None, 2)
    assert taken_from(ring) == [(1, 1, b"second")]


def test_a_process_that_was_killed_before_it_had_published_leaves_nothing():
    ring = Ring(1000)
    ring.put(1, 1, b"first")
    taken_from(ring)
    ring._words[9] = 1000  # the place where filling begins anew; killed here
    assert (ring.held, taken_from(ring)) == (0, [])
    for number in range(100):
        assert ring.put(1, 1, bytes([number]))
        assert taken_from(ring) == [(1, 1, bytes([number]))]


def test_another_process_puts_in():
    ring = Ring(1000)
    if not (child := os.fork()):
        ring.put(1, 7, b"from the child")
        os._exit(0)
    os.waitpid(child, 0)
    assert taken_from(ring) == [(1, 7, b"from the child")]


@given(SIZES)
def test_whatever_is_put_in_comes_out_once_and_in_order(steps):
    ring, inside, outside = Ring(200), [], []
    for number, (takes, size) in enumerate(steps):
        if takes:
            outside += [data for _, _, data in taken_from(ring, size)]
        data = bytes([number]) * size
        if ring.put(1, 1, data):
            inside.append(data)
        assert ring.held <= ring.size
    outside += [data for _, _, data in taken_from(ring)]
    assert outside == inside
    assert ring.put_in == ring.taken == len(inside)
