from types import SimpleNamespace

import pytest

from httptee.http.message import Exchange, Request
from httptee.shadow.budget import BOOKKEEPING, RECORD, SMALL, Budget, held_by, keep_for
from httptee.transport.prepared import request_head
from tests.http.uploads.sources import streamed


def exchange(size=0, target="/", headers=(), follower=None):
    request = Request("POST", target, list(headers), b"x" * size, "192.0.2.1", "http")
    return Exchange(request, 200, 0.01, follower)


WITHOUT_BODY = held_by(exchange())


def test_clones_are_held_up_to_the_limit_and_no_further():
    budget, first, second = Budget(2 * WITHOUT_BODY + 10), exchange(4), exchange(6)
    assert budget.take(first)
    assert budget.take(second)
    assert not budget.take(exchange())
    assert budget.held == 2 * WITHOUT_BODY + 10


def test_what_several_share_counts_once():
    budget, shared = Budget(WITHOUT_BODY + 6), exchange(6)
    assert [budget.take(shared) for _ in range(3)] == [True] * 3
    assert budget.held == WITHOUT_BODY + 6
    budget.release(shared)
    budget.release(shared)
    assert budget.held == WITHOUT_BODY + 6
    budget.release(shared)
    assert budget.held == 0


def test_what_has_been_let_go_makes_room():
    budget, first = Budget(WITHOUT_BODY), exchange()
    assert budget.take(first)
    assert not budget.take(exchange())
    budget.release(first)
    assert budget.take(exchange())


def test_as_much_is_given_back_as_was_taken_whatever_became_of_the_clone_meanwhile():
    budget, one = Budget(10**6), exchange(5)
    budget.take(one)
    one.request.shared_head.append(b"x" * 1000)
    budget.release(one)
    assert budget.held == 0


def test_a_clone_that_alone_is_over_the_limit_is_never_held():
    assert not Budget(WITHOUT_BODY + 10).take(exchange(11))


def test_a_small_one_that_is_assured_fits_over_the_limit_and_a_larger_one_does_not():
    budget = Budget(0)
    assert not budget.take(exchange())
    assert budget.take(exchange(SMALL - WITHOUT_BODY), assured=True)
    assert not budget.take(exchange(SMALL - WITHOUT_BODY + 1), assured=True)
    assert budget.held == SMALL


@pytest.mark.parametrize("headers", [[], [("Host", "h"), ("a", "")], [("a", "b")] * 16_000])
def test_a_head_counts_as_its_bytes_whether_it_is_written_or_not(headers):
    one = exchange(7, "/target", headers)
    head = request_head("POST", "/target", headers)
    assert held_by(one) == BOOKKEEPING + len(head) + len("/target") + 7
    one.request.shared_head.append(head)
    assert held_by(one) == BOOKKEEPING + len(head) + len("/target") + 7


def test_a_record_of_the_access_log_counts_too():
    assert held_by(exchange(follower=object())) >= WITHOUT_BODY + RECORD


def test_answers_that_are_kept_for_a_comparison_leave_half_of_the_limit_to_clones():
    budget = Budget(10 * WITHOUT_BODY)
    kept = [exchange() for _ in range(20)]
    for one in kept:
        one.kept = SimpleNamespace(size=2 * WITHOUT_BODY, room=0)
    taken = [one for one in kept if budget.take(one)]
    assert [one.kept is not None for one in taken] == [True] + [False] * 7
    assert budget.held == 10 * WITHOUT_BODY
    for one in taken:
        budget.release(one)
    assert budget.held == 0


class Getting:
    def __init__(self, room):
        self.room = lambda request: room


@pytest.mark.parametrize(
    ("rooms", "recording", "kept"),
    [
        ([4], None, True),
        ([3], None, False),
        ([0, 4], None, True),
        ([], None, False),
        ([], SimpleNamespace(most_body=4), True),
    ],
)
def test_a_body_that_still_arrives_counts_if_somebody_may_get_it(rooms, recording, kept):
    budget, body = Budget(1000), streamed(b"abcd", length=4)
    request = Request("POST", "/", [], body, "192.0.2.1", "http")
    keep_for(request, [Getting(room) for room in rooms], budget, recording)
    body.read()
    assert budget.held == (4 if kept else 0)
    assert bool(body.digest) == (recording is not None)
    assert body.finish() == (b"abcd" if kept else None)
    assert budget.held == 0


def test_a_body_that_finds_no_room_is_not_kept_and_one_that_has_arrived_is_left_alone():
    budget, body = Budget(3), streamed(b"abcd", length=4)
    keep_for(Request("POST", "/", [], body, "192.0.2.1", "http"), [Getting(4)], budget, None)
    body.read()
    assert (budget.held, body.lost) == (0, "over_budget")
    keep_for(exchange(5).request, [Getting(10)], budget, None)
    assert budget.held == 0
