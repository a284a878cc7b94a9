import json

from httptee.compare import Key, differences
from httptee.verdict.court.relations import Place, Repeated
from httptee.verdict.court.route_state import MORE, RouteState, kind_of
from tests.verdict.court.cases import NOW, again, answer, pair


def count(route, a, b, number=1, at=NOW):
    one = pair(a, b, number, at)
    return route.count(one, differences(one.a, one.b))


def never(number, is_new):
    return False


def test_places_that_differ_are_counted():
    route = RouteState(50)
    found = count(route, {"a": 1, "b": 1}, {"a": 2, "b": 2})
    assert [(key.place.path, key.pairs, difference.b) for key, difference in found] == [("$.a", 1, 2), ("$.b", 1, 2)]
    assert route.seen == 1


def test_missing_and_extra_at_one_place_are_one_pair():
    route = RouteState(50)
    [(key, _)] = count(route, {"l": [{"x": 1, "id": 1}, {"id": 2}]}, {"l": [{"id": 1}, {"x": 1, "id": 2}]})
    assert (key.pairs, key.missing + key.extra) == (1, 1)


def test_a_pair_is_unexplained_if_one_of_its_places_is():
    route = RouteState(50)
    [(a, _), (b, _)] = count(route, {"a": 1, "b": 1}, {"a": 2, "b": 2})
    count(route, {"a": 1, "b": 1}, {"a": 2, "b": 1})
    assert route.unexplained(never) == 2
    assert route.unexplained(lambda number, is_new: number == a.number) == 1
    assert route.unexplained(lambda number, is_new: number in (a.number, b.number)) == 0


def test_a_pair_without_a_difference_is_explained():
    route = RouteState(50)
    assert count(route, {"a": 1}, {"a": 1}) == []
    assert (route.seen, route.unexplained(never)) == (1, 0)


def test_what_is_new_at_b_is_marked():
    route = RouteState(50)
    for a, b in [("s1", "s2"), ("s2", "s1"), ("s1", "s9")]:
        count(route, {"a": a}, {"a": b})
    assert route.unexplained(lambda number, is_new: not is_new) == 1


def test_a_confirmation_that_is_explained_explains_its_pair():
    route = RouteState(50)
    one = pair({"a": 1, "b": 1}, {"a": 2, "b": 2})
    found = differences(one.a, one.b)
    route.count(one, found)
    route.repeat(Repeated(one, again({"a": 2, "b": 1}, {"a": 2, "b": 2}), found))
    assert route.unexplained(never) == 1  # b is still odd
    assert route.unexplained(lambda number, is_new: number == route.keys[Place("body", "$.b", "value")].number) == 0


def test_a_confirmation_shows_as_own_noise_at_every_place():
    route = RouteState(50)
    one = pair({"a": 1, "b": 1}, {"a": 2, "b": 1})
    found = differences(one.a, one.b)
    route.count(one, found)
    route.repeat(Repeated(one, again({"a": 1, "b": 5}, {"a": 2, "b": 1}, more=[{"a": 1, "b": 1}] * 3), found))
    assert route.keys[Place("body", "$.b", "value")].moves == 1
    assert (route.repeats, route.draws) == (1, 3)


def test_too_many_places_are_one_more():
    route = RouteState(5)
    for number in range(12):
        count(route, {f"k{number}": 1}, {f"k{number}": 2})
        count(route, {f"k{number}": 1}, {f"k{number}": 2})
    assert len(route.keys) == 6
    assert route.keys[Place("body", MORE, "value")].pairs == 14


def test_a_place_that_differed_once_long_ago_gives_way():
    route = RouteState(2)
    count(route, {"a": 1}, {"a": 2})
    count(route, {"b": 1}, {"b": 2}, at=NOW + 50)
    count(route, {"c": 1}, {"c": 2}, at=NOW + 100)
    assert [place.path for place in route.keys] == ["$.b", "$.c"]
    assert route.unexplained(lambda number, is_new: number < 0) == 3


def test_sets_of_places_are_bounded():
    route = RouteState(50)
    for number in range(1, 600):
        a = {f"k{bit}": 1 for bit in range(10)}
        count(route, a, {name: 2 if number & 1 << bit else 1 for bit, name in enumerate(a)})
    assert len(route._sets) <= 256 + 20
    assert route.unexplained(never) == 599


def test_the_kind_is_the_most_frequent_direction():
    route = RouteState(50)
    for a, b in [({}, {"x": 1}), ({}, {"x": 1}), ({"x": 1}, {})]:
        [(key, _)] = count(route, a, b)
    assert kind_of(key) == Key("body", "$.x", "extra")


def test_the_state_is_restored_exactly():
    route = RouteState(50)
    for number in range(30):
        count(route, {"a": number, "b": 1}, {"a": number + 1, "b": number % 2}, number)
    one = pair({"a": 1}, {"a": 2})
    found = differences(one.a, one.b)
    route.repeat(Repeated(one, again({"a": 1}, answer({}, status=500)), found))
    state = json.loads(json.dumps(route.state()))
    restored = RouteState.restored(state, 50)
    assert restored.state() == route.state()
    assert restored.unexplained(never) == route.unexplained(never)


def test_a_route_that_is_merged_adds_its_places_and_its_sets():
    one, other = RouteState(50), RouteState(50)
    count(one, {"a": 1, "b": 1}, {"a": 2, "b": 1})
    count(other, {"a": 1, "b": 1}, {"a": 1, "b": 2})
    count(other, {"a": 1, "b": 1}, {"a": 2, "b": 2})
    one.merge(other)
    assert (one.seen, one.unexplained(never)) == (3, 3)
    assert {place.path: key.pairs for place, key in one.keys.items()} == {"$.a": 2, "$.b": 2}
    assert len({key.number for key in one.keys.values()}) == 2
    b = one.keys[Place("body", "$.b", "value")].number
    assert one.unexplained(lambda number, is_new: number == b) == 2


def test_a_merge_keeps_to_the_bound_of_places_and_forgotten_places_stay_unexplained():
    one, other = RouteState(2), RouteState(2)
    count(one, {"a": 1, "b": 1}, {"a": 2, "b": 2})
    count(other, {"c": 1}, {"c": 2})
    count(other, {"d": 1}, {"d": 2}, at=NOW + 100)
    count(other, {"e": 1}, {"e": 2}, at=NOW + 200)  # takes the place of c
    one.merge(other)
    assert [place.path for place in one.keys] == ["$.a", "$.b", MORE]
    assert one.keys[Place("body", MORE, "value")].pairs == 2
    known = {key.number for key in one.keys.values()}
    assert one.unexplained(lambda number, is_new: number in known) == 1
