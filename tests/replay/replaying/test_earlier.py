import pytest

from httptee.compare import Outcome
from httptee.http import Request
from httptee.replay.replaying.earlier import Earlier, Seen, identity


def request(target="/", headers=(), body=b"", method="GET"):
    return Request(method, target, list(headers), body, "192.0.2.1", "http")


def seen(number, body=b""):
    answer = Outcome(200, [("N", str(number))], body, len(body))
    return Seen(answer, answer, float(number))


@pytest.mark.parametrize(
    "other",
    [request("/x"), request(method="HEAD"), request(body=b"x"), request(headers=[("Accept", "a")]),
     request(headers=[("Cookie", "a")])],
)  # fmt: skip
def test_another_request_is_another_one(other):
    assert identity(other) != identity(request())


def test_what_differs_from_call_to_call_makes_no_other_request():
    fields = [("DATE", "now"), ("X-Request-Id", "1"), ("User-Agent", "u"), ("traceparent", "t")]
    assert identity(request(headers=fields)) == identity(request())
    assert identity(request(headers=[("ACCEPT", "a")])) == identity(request(headers=[("accept", "a")]))


def test_the_first_and_the_latest_answer_are_given_back():
    earlier = Earlier()
    assert earlier.swap(1, seen(1)) is None
    assert earlier.swap(1, seen(2)) == (seen(1), seen(1))
    assert earlier.swap(1, seen(3)) == (seen(1), seen(2))
    assert earlier.swap(2, seen(4)) is None


def test_the_oldest_gives_way_where_there_is_no_room():
    earlier = Earlier(most=10_000)
    for number in range(50):
        earlier.swap(number, seen(number, b"x" * 1000))
        assert earlier._held <= 10_000
    assert earlier.swap(0, seen(0)) is None
    assert earlier.swap(49, seen(49)) is not None
    for number in range(50):
        earlier.swap(number, seen(0, b"x" * 20_000))
    assert earlier._held == 0
