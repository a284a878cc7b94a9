from httptee.compare import Routes
from httptee.verdict.fleet.parting import partition_of
from httptee.verdict.pairs import Folding


def test_routes_that_may_be_one_are_in_one_partition():
    assert partition_of("GET /users/bob", 16) == partition_of("GET /users/{name}", 16)


def test_routes_with_other_placeholders_may_be_in_other_partitions():
    routes = ("/users/bob", "/users/{int}", "/users/{uuid}", "/{int}/bob")
    assert len({partition_of(f"GET {route}", 2**20) for route in routes}) == 4


def test_a_partition_is_one_of_those_that_there_are():
    assert {partition_of(f"GET {'/x' * depth}", 3) for depth in range(50)} == {0, 1, 2}
    assert 0 <= partition_of("other", 3) < 3


def test_whatever_folds_into_another_route_is_in_its_partition():
    first, second = Routes(), Routes()
    for number in range(60):
        first.route("GET", f"/shops/name{chr(97 + number % 26)}{'x' * (number // 26)}/items")
    for name in ("namea", "nameb"):
        second.route("GET", f"/shops/{name}/items")
    groups = [{one.route("GET", f"/shops/{name}/items") for name in ("namea", "nameb")} for one in (first, second)]
    folding = Folding(groups)
    every = {name for group in groups for name in group}
    assert len(every) == 3
    assert len({folding(name) for name in every}) == 1
    assert len({partition_of(name, 1024) for name in every}) == 1
