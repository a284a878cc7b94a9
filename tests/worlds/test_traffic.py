"""What clients send, and when."""

from collections import Counter
from itertools import islice

from httptee.compare import Outcome
from tests.worlds import SHOP
from tests.worlds.traffic import Client, Traffic


def arrivals(number, **changed):
    return list(islice(Traffic(SHOP, 3, **changed), number))


def test_the_same_seed_gives_the_same_requests():
    one, other = arrivals(300), arrivals(300)
    assert [(each.at, each.request) for each in one] == [(each.at, each.request) for each in other]


def test_requests_come_in_the_order_of_time_at_about_the_rate():
    found = arrivals(2000, rate=50.0)
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


def test_a_write_is_followed_by_a_read_of_what_it_wrote():
    found = arrivals(3000)
    writes = {each.client.name: each.at for each in found if each.route == "POST /orders"}
    reads = Counter(each.client.name for each in found if each.route == "GET /orders/{hex}")
    assert writes
    assert all(reads[name] for name in writes)


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
