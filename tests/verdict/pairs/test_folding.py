"""One name for each route, where worker processes name it differently."""

import pytest

from httptee.verdict.court import RouteSums
from httptee.verdict.pairs import Folding, Tallies, folded
from tests.verdict.pairs.test_tallies import count

USERS = "GET /users/{name}"


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("GET /users/bob", "GET /users/{name}"),
        ("GET /users/bob/posts/{int}", "GET /users/{name}/posts/{int}"),
        ("GET /a/{name}", "GET /{name}/{name}"),
        ("GET /a/", "GET /{name}/"),
        ("GET /a//b", "GET /a//{name}"),
    ],
)
def test_a_route_that_one_process_does_not_tell_apart_is_folded(name, pattern):
    fold = Folding([{name}, {pattern}])
    assert (fold(name), fold(pattern)) == (pattern, pattern)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("POST /users/bob", "GET /users/{name}"),
        ("GET /users", "GET /users/{name}"),
        ("GET /users/bob/posts", "GET /users/{name}"),
        ("GET /posts/bob", "GET /users/{name}"),
        ("GET /users/{int}", "GET /users/{name}"),
        ("GET /users/{id}", "GET /users/{name}"),
        ("GET /users/v{id}", "GET /users/{name}"),
        ("GET /users/{name}", "GET /users/{int}"),
        ("other", "GET /{name}"),
        ("GET *", "GET /{name}"),
    ],
)
def test_other_routes_stay_what_they_are(name, pattern):
    assert Folding([{name}, {pattern}])(name) == name


def test_a_name_that_nobody_reports_any_more_is_folded():
    assert Folding([{USERS}])("GET /users/ann") == USERS


def test_a_frequent_name_stays_while_every_process_keeps_it():
    keeps, learns = {USERS, "GET /users/me"}, {"GET /users/me", "GET /users/bob"}
    fold = Folding([keeps, keeps, learns])
    assert (fold("GET /users/me"), fold("GET /users/bob")) == ("GET /users/me", USERS)
    fold.learn([keeps, {USERS}, learns])
    assert fold("GET /users/me") == USERS


def test_the_widest_name_takes_all():
    fold = Folding([{"GET /a/{name}"}, {"GET /{name}/{name}"}, {"GET /{name}/b"}])
    assert {fold(name) for name in ("GET /a/b", "GET /a/{name}", "GET /{name}/b")} == {"GET /{name}/{name}"}


def test_one_step_may_lead_to_another():
    fold = Folding([{"GET /a/{name}/c"}, {"GET /{name}/{name}/c", "GET /a/b/c"}])
    assert fold("GET /a/b/c") == "GET /{name}/{name}/c"


def test_two_processes_that_disagree_are_added_up():
    tallies = Tallies(["b"], rows=2)
    collapsed, learning = tallies.row(0), tallies.row(1)
    count(collapsed, "GET /users/bob", chosen=2, equal=2)
    count(learning, "GET /users/bob", chosen=3, equal=1, unequal=2)
    count(learning, "GET /users/ann", chosen=1, lost=1)
    count(learning, "GET /items", chosen=4, equal=4)
    collapsed.merge("GET /users/bob", USERS)
    sums = folded(tallies.sums()["b"], Folding(tallies.names()))
    assert sorted(sums) == ["GET /items", USERS]
    users = sums[USERS]
    assert (users.requests, users.chosen, users.equal, users.unequal, users.lost) == (6, 6, 3, 2, 1)


def test_what_a_reload_takes_over_is_folded_and_stays_so():
    first = Tallies(["b"], rows=2)
    count(first.row(0), USERS, chosen=1)
    count(first.row(1), "GET /users/bob", chosen=2)
    first.finished = True
    second = Tallies(["b"], earlier=first.history)
    count(second.row(0), "GET /users/bob", chosen=4)
    assert {name: each.chosen for name, each in second.sums()["b"].items()} == {USERS: 3, "GET /users/bob": 4}
    assert Folding(second.names())("GET /users/bob") == USERS


def test_sums_can_be_added():
    one = RouteSums(requests=5, equal=2, blocks=1, a_times=(1, 2), b_times=())
    other = RouteSums(requests=1, unequal=1, a_times=(1, 2), b_times=(3,))
    assert one + other == RouteSums(requests=6, equal=2, unequal=1, blocks=1, a_times=(2, 4), b_times=(3,))


def test_names_are_remembered_up_to_a_bound():
    fold = Folding([{USERS}])
    assert {fold(f"GET /users/u{number}") for number in range(20_000)} == {USERS}
    assert len(fold._known) <= 8192
