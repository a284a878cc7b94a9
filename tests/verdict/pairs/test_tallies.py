"""The counts by route and B: written by worker processes in their rows, read by the judge."""

import os

import pytest

from httptee.verdict.court import Toss
from httptee.verdict.pairs import Tallies
from httptee.verdict.pairs.row import ROUTES


def count(row, route, *, chosen=0, equal=0, unequal=0, lost=0, backend=0):
    slot = row.slot(route)
    for _ in range(chosen):
        row.request(slot)
        row.chosen(backend, slot)
    for _ in range(equal):
        row.judged(backend, slot, True)
    for _ in range(unequal):
        row.judged(backend, slot, False)
    for _ in range(lost):
        row.lost(backend, slot)


def test_the_rows_of_all_worker_processes_are_added_up():
    tallies = Tallies(["b"], rows=2)
    count(tallies.row(0), "GET /a", chosen=5, equal=3, unequal=1)
    count(tallies.row(1), "GET /b", chosen=1, equal=1)
    count(tallies.row(1), "GET /a", chosen=2, unequal=2, lost=1)
    sums = tallies.sums()["b"]
    a = sums["GET /a"]
    assert (a.requests, a.chosen, a.equal, a.unequal, a.lost, a.judged) == (7, 7, 3, 3, 1, 6)
    assert sums["GET /b"].judged == 1


def test_each_b_has_counts_of_its_own():
    tallies = Tallies(["one", "two"])
    row = tallies.row(0)
    count(row, "GET /a", chosen=1, equal=1, backend=1)
    assert tallies.sums()["one"]["GET /a"].judged == 0
    assert tallies.sums()["two"]["GET /a"].judged == 1


def test_what_a_killed_process_has_counted_remains_and_the_next_one_goes_on():
    tallies = Tallies(["b"])
    pid = os.fork()
    if not pid:
        count(tallies.row(0), "GET /a", chosen=2, equal=2)
        os.kill(os.getpid(), 9)
    os.waitpid(pid, 0)
    count(tallies.row(0), "GET /a", chosen=1, equal=1)
    count(tallies.row(0), "GET /b", chosen=1, equal=1)
    assert {route: sums.judged for route, sums in tallies.sums()["b"].items()} == {"GET /a": 3, "GET /b": 1}


def test_times_and_tosses_are_counted():
    tallies = Tallies(["b"])
    row = tallies.row(0)
    slot = row.slot("GET /a")
    row.judged(0, slot, True, (3, 7, None))
    row.judged(0, slot, True, (3, 8, Toss(1, 0, 1, 1, 0, 1, 1)))
    sums = tallies.sums()["b"]["GET /a"]
    assert (sums.blocks, sums.slower, sums.quick, sums.tail_blocks, sums.tail_slower) == (1, 0, 1, 1, 0)
    assert (sums.beyond_blocks, sums.beyond_slower) == (1, 1)
    assert (sums.a_times[3], sums.b_times[7], sums.b_times[8]) == (2, 1, 1)
    assert (sum(sums.a_times), sum(sums.b_times)) == (2, 2)


def test_a_route_that_another_one_takes_in_hands_its_counts_over():
    tallies = Tallies(["b"])
    row = tallies.row(0)
    count(row, "GET /users/ann", chosen=2, equal=2)
    count(row, "GET /users/bob", chosen=1, unequal=1)
    row.merge("GET /users/ann", "GET /users/{name}")
    row.merge("GET /users/bob", "GET /users/{name}")
    sums = tallies.sums()["b"]
    assert list(sums) == ["GET /users/{name}"]
    assert (sums["GET /users/{name}"].requests, sums["GET /users/{name}"].judged) == (3, 3)


def test_a_pair_in_flight_counts_for_the_route_that_has_taken_its_route_in():
    tallies = Tallies(["b"])
    row = tallies.row(0)
    early, name = row.slot("GET /users/ann"), row.slot("GET /{name}/ann")
    row.merge("GET /users/ann", "GET /users/{name}")
    row.merge("GET /users/{name}", "GET /{name}/{name}")
    row.merge("GET /{name}/ann", "GET /users/ann")  # an older name of the same
    other = row.slot("GET /other")  # takes a place that is free again
    for chosen, slot in enumerate((early, name, row.slot("GET /users/ann"), row.slot("GET /users/{name}"))):
        assert row.request(slot) == chosen
        row.chosen(0, slot)
        row.judged(0, slot, True, (3, 7, None))
    sums = tallies.sums()["b"]
    assert set(sums) == {"GET /other", "GET /{name}/{name}"}
    assert row.request(other) == 0
    both = sums["GET /{name}/{name}"]
    assert (both.requests, both.chosen, both.equal, sum(both.a_times)) == (4, 4, 4, 4)
    assert sums["GET /other"].requests == 0


def test_no_order_of_merges_makes_a_circle():
    tallies = Tallies(["b"])
    row = tallies.row(0)
    for route in ("GET /a", "GET /b", "GET /c"):
        row.request(row.slot(route))
    for old, new in (("/a", "/b"), ("/b", "/c"), ("/c", "/a"), ("/b", "/a"), ("/a", "/c")):
        row.merge(f"GET {old}", f"GET {new}")
    assert [sums.requests for sums in tallies.sums()["b"].values()] == [3]


def test_a_route_that_was_never_counted_can_be_merged():
    row = Tallies(["b"]).row(0)
    row.merge("GET /unknown", "GET /{name}")
    row.merge("GET /{name}", "GET /{name}")
    assert row.slot("GET /unknown") is not None


def test_there_are_slots_for_so_many_routes_and_no_more_until_one_is_free():
    row = Tallies(["b"]).row(0)
    slots = [row.slot(f"GET /{number}") for number in range(ROUTES)]
    assert sorted(slot.number for slot in slots) == list(range(ROUTES))
    assert row.slot("GET /more") is None
    row.merge("GET /0", "GET /1")
    assert row.slot("GET /more") is not None


@pytest.mark.parametrize("name", ["GET /" + "x" * 1000, "GET /ü", "GET /\udc80"])
def test_names_may_be_long_and_odd(name):
    tallies = Tallies(["b"])
    row = tallies.row(0)
    assert row.slot(name) == row.slot(name) is not None
    assert len(tallies.sums()["b"]) == 1


def test_a_reload_reads_the_earlier_counts_along_and_takes_over_those_that_are_finished():
    first = Tallies(["b", "gone"], run="r")
    row = first.row(0)
    count(row, "GET /a", chosen=1, equal=1)
    second = Tallies(["b"], earlier=first.history)
    count(second.row(0), "GET /a", chosen=1, unequal=1)
    count(row, "GET /a", chosen=1, equal=1)
    assert second.run == "r"
    assert second.sums()["b"]["GET /a"].judged == 3
    first.finished = True
    third = Tallies(["b"], earlier=second.history)
    assert third.history == [third, second]
    assert third.sums()["b"]["GET /a"].judged == 3


def test_a_writer_that_died_in_a_merge_does_not_stop_readers_or_the_next_writer():
    tallies = Tallies(["b"])
    count(tallies.row(0), "GET /a", equal=1)
    version = tallies._rows[0]._version
    version[0] = 7
    assert tallies.sums()["b"]["GET /a"].equal == 1
    tallies.row(0)
    assert version[0] == 8


def test_writes_that_a_b_did_not_get_are_counted_over_reloads():
    first = Tallies(["one", "two"])
    first.row(0).missed(1)
    second = Tallies(["two"], earlier=first.history)
    second.row(0).missed(0)
    assert (second.missed("one"), second.missed("two"), second.missed("three")) == (0, 2, 0)
    first.finished = True
    third = Tallies(["two"], earlier=second.history)
    assert third.missed("two") == 2


def test_what_a_failed_reload_has_counted_counts_and_counts_once():
    old = Tallies(["b"])
    count(old.row(0), "GET /a", equal=1)
    current = Tallies(["b"], earlier=old.history)
    count(current.row(0), "GET /a", equal=1)
    old.finished = True
    failed = Tallies(["b", "new"], earlier=current.history)
    late = failed.row(0)
    late.missed(0)
    current.continue_after(failed)
    count(late, "GET /a", equal=1)  # a new worker served before it was stopped
    assert (current.sums()["b"]["GET /a"].equal, current.missed("b")) == (3, 1)
    failed.finished = True
    again = Tallies(["b"], earlier=current.history)
    current.continue_after(again)
    assert len(current.history) == 2
    assert (current.sums()["b"]["GET /a"].equal, current.missed("b")) == (3, 1)
    following = Tallies(["b"], earlier=current.history)
    assert following.sums()["b"]["GET /a"].equal == 3


def test_one_process_at_a_time_has_the_blocks_of_times_of_a_route_and_each_has_its_turn():
    tallies = Tallies(["b"], rows=4)
    rows = [tallies.row(number) for number in range(4)]
    owners = [[row.has_blocks(f"GET /{route}", 1000.0) for row in rows] for route in range(100)]
    assert all(sum(each) == 1 for each in owners)
    assert all(10 < sum(each[number] for each in owners) < 45 for number in range(4))
    for every in (10, 20, 60, 300):  # seconds between two requests of a client that has one connection
        turns = [[row.has_blocks("GET /", float(every * turn)) for row in rows].index(True) for turn in range(400)]
        assert all(70 < turns.count(number) < 130 for number in range(4))
    assert all(Tallies(["b"]).row(0).has_blocks("GET /", float(now)) for now in range(0, 100, 7))
