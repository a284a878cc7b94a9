from httptee.http.message import Exchange, Request
from httptee.shadow.budget import Budget


def exchange(size):
    return Exchange(Request("POST", "/", [], b"x" * size, "192.0.2.1", "http"), 200, 0.01)


def test_bodies_are_held_up_to_the_limit_and_no_further():
    budget, first, second = Budget(10), exchange(4), exchange(6)
    assert budget.take(first)
    assert budget.take(second)
    assert not budget.take(exchange(1))
    assert budget.held == 10


def test_a_body_that_several_share_counts_once():
    budget, shared = Budget(10), exchange(6)
    assert [budget.take(shared) for _ in range(3)] == [True] * 3
    assert budget.held == 6
    budget.release(shared)
    budget.release(shared)
    assert budget.held == 6
    budget.release(shared)
    assert budget.held == 0


def test_what_has_been_let_go_makes_room():
    budget, first = Budget(10), exchange(10)
    assert budget.take(first)
    assert not budget.take(exchange(1))
    budget.release(first)
    assert budget.take(exchange(10))


def test_a_body_that_alone_is_over_the_limit_is_never_held():
    assert not Budget(10).take(exchange(11))
