"""What clients send, and when."""

from collections import Counter
from itertools import islice

import pytest

from httptee.compare import Outcome, Routes
from tests.worlds import SERVICES, SHOP
from tests.worlds.traffic import Client, Traffic


def arrivals(number, **changed):
    """Requests whose answers are told 50 ms later."""
    traffic, found = Traffic(SHOP, 3, **changed), []
    for arrival in islice(traffic, number):
        traffic.answered(arrival, Outcome(200, [], b""), arrival.at + 0.05)
        found.append(arrival)
    return found


def test_the_same_seed_gives_the_same_requests():
    one, other = arrivals(300), arrivals(300)
    assert [(each.at, each.request) for each in one] == [(each.at, each.request) for each in other]


def test_requests_come_in_the_order_of_time_at_about_the_rate():
    found = list(islice(Traffic(SHOP, 3, rate=50.0), 2000))
    times = [each.at for each in found]
    assert times == sorted(times)
    assert 40 < len(found) / (times[-1] - times[0]) < 65


def test_routes_are_asked_for_by_their_weights():
    counts = Counter(each.route for each in arrivals(4000))
    assert counts["GET /users/{int}"] > 5 * counts["GET /status"]
    assert counts.keys() == SHOP.weights.keys()


def test_every_request_leads_to_the_route_it_was_made_for():
    for each in arrivals(1000):
        route, _ = SHOP.find(each.request.method, each.request.target)
        assert route is not None
        assert route.name == each.route


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_the_tee_names_every_route_as_the_world_does(service):
    routes = Routes()
    for each in islice(Traffic(service, 3), 2000):
        assert routes.route(each.request.method, each.request.target) == each.route


def test_a_read_follows_the_answer_to_a_write():
    traffic = Traffic(SHOP, 3, {"POST /orders": 1.0}, rate=0.001)
    write = traffic.take()
    traffic.answered(write, Outcome(201, [], b""), write.at + 2.0)
    read = traffic.take()
    assert (read.request.method, read.request.target) == ("GET", f"/orders/{write.written}")
    assert write.at + 2.005 <= read.at <= write.at + 2.3


def test_a_write_that_failed_is_not_read():
    traffic = Traffic(SHOP, 3, {"POST /orders": 1.0}, rate=0.001)
    write = traffic.take()
    traffic.answered(write, Outcome(500, [], b""), write.at + 2.0)
    assert traffic.take().route == "POST /orders"


def test_few_users_are_asked_for_most():
    users = Counter(each.request.target for each in arrivals(3000) if each.route == "GET /users/{int}")
    numbers = sorted(int(target.rpartition("/")[2]) for target in users.elements())
    assert numbers[len(numbers) // 2] < 170


def test_a_client_keeps_its_cookie_until_it_is_ended():
    client = Client("joe", "agent", "")
    client.answered(Outcome(302, [("Set-Cookie", "session=joe.7; Path=/")], b""))
    assert client.cookie == "session=joe.7"
    client.answered(Outcome(302, [("Set-Cookie", "session=; Max-Age=0")], b""))
    assert client.cookie == ""
