import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httptee.compare.routes import DEPTH, MAX_ROUTES, OTHER, Routes
from tests.compare.answers import at_leisure


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/", "GET /"),
        ("/users/42", "GET /users/{int}"),
        ("/users/42/", "GET /users/{int}/"),
        ("/users/42?page=2", "GET /users/{int}"),
        ("/o/123e4567-e89b-12d3-a456-426614174000/items", "GET /o/{uuid}/items"),
        ("/blob/9f86d081884c7d65", "GET /blob/{hex}"),
        ("/s/dQw4w9WgXcQdQw4w9", "GET /s/{token}"),
        (f"/q/{'x' * 65}", "GET /q/{long}"),
        ("/Users/Bob", "GET /Users/Bob"),
        ("//x", "GET //x"),
        ("/a//b", "GET /a//b"),
        ("/a%2Fb", "GET /a%2Fb"),
        ("/a/../b", "GET /a/../b"),
        ("/\xe9 x'", "GET /%E9%20x%27"),
        ("http://example.com:80/users/7?x", "GET /users/{int}"),
        ("http://example.com", "GET /"),
        ("*", "GET *"),
        ("", "GET /"),
        ("?x=/a", "GET /"),
        ("/a#b", "GET /a"),
        ("a/b", "GET /a/b"),
        ("/" + "a/" * 40, "GET " + "/a" * DEPTH + "/{rest}"),
        ("/" + "/".join("a" * DEPTH), "GET " + "/a" * DEPTH),
    ],
)
def test_the_route_of_a_target(target, route):
    routes = Routes()
    assert routes.route("GET", target) == route
    assert routes.route("GET", target) == route


def test_each_method_has_its_own_route():
    routes = Routes()
    assert [routes.route(method, "/a") for method in ("GET", "POST", "GET")] == ["GET /a", "POST /a", "GET /a"]


def test_unknown_methods_make_no_routes():
    routes = Routes()
    assert routes.route("EVIL", "/a") == OTHER
    assert repr(routes) == f"<Routes 0 of {MAX_ROUTES}>"


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("/users/bob", "GET /users/{id}"),
        ("/users/42?x", "GET /users/{id}"),
        ("/users/me", "GET /users/me"),
        ("/users/bob/posts", "GET /users/bob/posts"),
        ("/files/a/b/c", "GET /files/*"),
        ("/report-2026.pdf", "GET /report-{year}.pdf"),
        ("/report-2026/7.pdf", "GET /report-2026/7.pdf"),
        ("http://x/users/bob", "GET /users/{id}"),
        ("/a.b", "GET /a.b"),
        ("/axb", "GET /axb"),
    ],
)
def test_templates_come_first(target, route):
    routes = Routes(["/users/{id}", "/users/me", "/files/*", "/report-{year}.pdf", "/a.b"])
    assert routes.route("GET", target) == route
    assert routes.route("GET", target) == route


def test_a_template_starts_with_a_slash():
    with pytest.raises(ValueError, match="starts with '/'"):
        Routes(["users/{id}"])


def test_a_template_has_one_variable_in_a_segment():
    with pytest.raises(ValueError, match="one variable"):
        Routes(["/files/{name}-{version}"])
    assert Routes(["/files/{name}.gz"]).route("GET", "/files/" + "." * 60_000) == "GET /files/{long}"


def test_many_names_at_one_place_become_one_route():
    routes = Routes()
    for i in range(41):
        routes.route("GET", f"/shop/item-{i}/price")
    assert routes.route("GET", "/shop/item-7/price") == "GET /shop/{name}/price"
    assert routes.route("GET", "/shop/new/price") == "GET /shop/{name}/price"
    assert ("GET /shop/item-7/price", "GET /shop/{name}/price") in routes.merged()
    assert routes.merged() == ()


def test_children_with_much_traffic_keep_their_names():
    routes = Routes()
    for i in range(100):
        routes.route("GET", "/health?again")
        routes.route("GET", f"/page{i}")
    assert routes.route("GET", "/health") == "GET /health"
    assert routes.route("GET", "/page3") == "GET /{name}"


def test_counters_follow_what_was_merged():
    routes, counts, chance = Routes(), {}, random.Random(1)
    for i in range(5000):
        path = f"/{chance.choice('abc')}/{chance.randrange(60):x}x/{chance.choice('de')}{i % 70}"
        route = routes.route("GET", path)
        for old, new in routes.merged():
            counts[new] = counts.get(new, 0) + counts.pop(old, 0)
        counts[route] = counts.get(route, 0) + 1
    assert sum(counts.values()) == 5000
    assert set(counts) <= {routes.route("GET", route.removeprefix("GET ")) for route in counts}
    assert len(counts) < 100


def test_the_number_of_routes_is_bounded():
    routes, chance = Routes(), random.Random(2)
    seen = set()
    for _ in range(20_000):
        seen.add(routes.route("GET", "".join(f"/{chance.choice('abcdefghijklmnopqrstuvwxyz')}" for _ in range(4))))
    assert OTHER in seen
    assert len(seen) <= MAX_ROUTES + 1


def test_routes_that_are_known_stay_when_the_limit_is_reached():
    routes = Routes()
    routes.route("GET", "/known")
    for i in range(30):
        for j in range(30):
            routes.route("GET", f"/d{i}/f{j}")
    assert routes.route("GET", "/d29/f29") == OTHER
    assert routes.route("GET", "/known") == "GET /known"
    assert routes.route("POST", "/known") == OTHER


def test_two_hundred_thousand_paths_are_bounded():
    routes = Routes()
    for i in range(200_000):
        routes.route("GET", f"/blog/post-{i}")
    assert routes.route("GET", "/blog/x") == "GET /blog/{name}"
    assert sum(1 for _ in routes._root.below()) < 10
    assert len(routes._nodes) <= 4096
    assert len(routes.merged()) < 100


def test_threads_share_the_routes():
    routes = Routes()

    def ask(seed):
        names = random.Random(seed).sample(range(90), 90)
        return {routes.route("GET", f"/{name}x/{last}") for last in "abc" for name in names}

    with ThreadPoolExecutor(4) as pool:
        seen = set().union(*pool.map(ask, range(4)))
    renamed = dict(routes.merged())
    assert {renamed.get(route, route) for route in seen} == {f"GET /{{name}}/{last}" for last in "abc"}


def test_long_targets_are_not_kept():
    routes = Routes()
    assert routes.route("GET", "/" + "a" * 60_000) == "GET /{long}"
    assert routes.route("GET", "/" * 60_000).endswith("/{rest}")
    assert not routes._nodes


@at_leisure
@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=20), max_size=60))
def test_every_target_has_a_route_that_is_a_path_of_its_own(targets):
    routes = Routes()
    for target in targets:
        route = routes.route("GET", target)
        assert route.isascii()
        assert len(route.split(" ")) == 2
    for target in targets:
        route = routes.route("GET", target)
        assert routes.route("GET", route.removeprefix("GET ")) == route
