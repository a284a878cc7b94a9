"""What a world remembers, and what it shares."""

from httptee.http import Request
from tests.worlds import SHOP, World

REFERENCE = "0123456789abcdef01234567"


def request(method, target, body=b"", **headers):
    return Request(method, target, list(headers.items()), body, "127.0.0.1", "http")


def status(world, side, method, target, body=b"", at=1.0):
    return world.ask(side, request(method, target, body), at)[0].status


def test_each_side_has_its_own_state():
    world = World(1, [], [], SHOP)
    order = b'{"ref":"%b","user":"x","lines":[]}' % REFERENCE.encode()
    assert status(world, "a", "POST", "/orders", order) == 201
    assert status(world, "a", "GET", f"/orders/{REFERENCE}") == 200
    assert status(world, "b", "GET", f"/orders/{REFERENCE}") == 404


def test_a_link_is_good_for_one_request_and_requests_to_it_are_counted():
    world = World(1, [], [], SHOP)
    assert [status(world, "a", "GET", f"/confirm/{REFERENCE}") for _ in range(2)] == [200, 410]
    assert world.once == 2


def test_hits_are_counted_over_both_sides():
    world = World(1, [], ["hits"], SHOP)
    bodies = [world.ask(side, request("GET", "/feed"), 1.0)[0].body for side in "abba"]
    assert [body.partition(b'"hits":')[2].partition(b",")[0] for body in bodies] == [b"1", b"2", b"3", b"4"]


def test_each_side_keeps_its_page_for_a_minute():
    world = World(1, [], ["stamp"], SHOP)
    found = {side: [world.ask(side, request("GET", "/feed"), float(at))[0].body for at in range(120)] for side in "ab"}
    assert 2 <= len(set(found["a"])) <= 3
    assert found["a"] != found["b"]


def test_after_a_logout_the_cookie_is_worth_nothing():
    world = World(1, [], [], SHOP)
    cookie = {"Cookie": "session=joe.1"}
    targets = ("/session", "/logout", "/session")
    asked = [world.ask("a", request("GET", target, **cookie), 1.0)[0].status for target in targets]
    assert asked == [200, 302, 401]
