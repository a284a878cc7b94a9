"""The worker's side of a comparison: A's answer is kept, B's is compared, and only unequal pairs are sent."""

from random import Random
from time import perf_counter
from types import SimpleNamespace

import pytest

from httptee.compare import Routes
from httptee.errors import UpstreamReset, UpstreamTimeout
from httptee.http import Exchange, Request, Response, no_answer, tee_answer
from httptee.ledger import Faults
from httptee.transport import Reading
from httptee.transport.pending import Unread
from httptee.verdict.pairs import Chooser, Comparer, Keeper, Tallies
from httptee.verdict.pairs import keeping as module

HEADERS = [("Content-Type", "text/plain"), ("Date", "Thu, 26 Nov 2026 04:00:00 GMT")]


class Pairs(list):
    """A channel to a judge; full if `room` is 0."""

    room = 1000

    def send(self, pair):
        if len(self) >= self.room:
            return False
        self.append(pair)
        return True


class World:
    """A keeper and the comparer of one B."""

    def __init__(self, most=1000, left_out=frozenset()):
        self.tallies = Tallies(["b"])
        self.row = self.tallies.row(0)
        self.chooser = Chooser(1000, Random(1))
        self.chooser.wants_extra = lambda seen: False
        self.sent = Pairs()
        self.faults = []
        faults = Faults()
        faults.report = self.faults.append
        self.keeper = Keeper(Routes(), self.row, self.chooser, most, faults, left_out)
        self.comparer = Comparer("b", 0, self.row, self.chooser, self.sent, left_out)

    def keep(self, response, target="/a"):
        """The exchange, and the response for the client."""
        request = Request("GET", target, [("Host", "a")], b"", "", "http")
        chosen = self.keeper.choose(request)
        kept, response = (None, response) if chosen is None else self.keeper.keep(chosen, response, 0.01)
        exchange = Exchange(request, response.status, 0.01, kept=kept)
        if kept is not None:
            self.comparer.chosen(exchange)
        return exchange, response

    def settle(self, exchange, answer, error=None):
        self.comparer.settled(exchange, answer, error, 0.02)

    @property
    def sums(self):
        (sums,) = self.tallies.sums()["b"].values()
        return sums


@pytest.fixture
def world():
    return World()


def response(body=b"hello", status=200, headers=HEADERS):
    return Response(status, "OK", headers, body, lambda: None)


def answer(body=b"hello", status=200, headers=HEADERS, most=1000):
    """B's answer, as it was read from the wire."""
    kept = Unread(Reading()).answer("GET", most)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    kept.feed(f"HTTP/1.1 {status} OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode())
    kept.feed(body)
    assert kept.complete
    return kept


def test_an_equal_pair_only_counts(world):
    exchange, _ = world.keep(response(headers=[*HEADERS, ("Content-Length", "5")]))
    world.settle(exchange, answer())
    assert (world.sums.chosen, world.sums.equal, world.sums.unequal) == (1, 1, 0)
    assert (sum(world.sums.a_times), sum(world.sums.b_times)) == (1, 1)
    assert world.sent == []


def test_header_fields_that_are_left_out_make_no_difference():
    world = World(left_out=frozenset({"server", "x-length"}))
    exchange, _ = world.keep(response(headers=[("X-Length", "5"), ("X-Kept", "1")]))
    world.settle(exchange, answer(headers=[("Server", "b"), ("X-Kept", "1"), ("Content-Length", "5")]))
    assert world.sent == []
    exchange, _ = world.keep(response(headers=[("X-Kept", "1")]))
    world.settle(exchange, answer(headers=[("X-Kept", "2"), ("Content-Length", "5")]))
    (pair,) = world.sent
    assert pair.b.headers[0] == ("X-Kept", "2")


def test_an_unequal_pair_is_sent_with_both_answers(world):
    exchange, _ = world.keep(response(headers=[*HEADERS, ("Content-Length", "5")]), "/users/7")
    world.settle(exchange, answer(b"other"))
    (pair,) = world.sent
    assert (pair.backend, pair.route, pair.a.body, pair.b.body) == ("b", "GET /users/{int}", b"hello", b"other")
    assert (pair.a_seconds, pair.extra) == (0.01, False)
    assert pair.b_seconds <= 0.02
    assert (world.sums.equal, world.sums.unequal, world.sums.lost) == (0, 1, 0)


def test_a_pair_for_which_there_is_no_room_is_counted_as_lost_and_fewer_are_chosen(world):
    world.sent.room = 0
    exchange, _ = world.keep(response())
    world.settle(exchange, answer(b"other"))
    assert (world.sums.unequal, world.sums.lost) == (1, 1)
    assert world.chooser._losses == 1


def test_a_part_of_the_equal_pairs_is_sent_too(world):
    world.chooser.wants_extra = lambda seen: True
    exchange, _ = world.keep(response())
    world.settle(exchange, answer())
    (pair,) = world.sent
    assert pair.extra
    assert (world.sums.equal, world.sums.unequal) == (1, 0)


def test_a_failure_of_b_is_an_outcome(world):
    exchange, _ = world.keep(response())
    world.settle(exchange, None, UpstreamTimeout("too late"))
    (pair,) = world.sent
    assert (pair.a.status, pair.b.status, pair.b.failure) == (200, 0, "timeout")
    assert sum(world.sums.b_times) == 0


def test_a_failure_of_a_is_an_outcome(world):
    exchange, _ = world.keep(tee_answer(UpstreamReset("gone"), "primary_reset"))
    world.settle(exchange, answer())
    (pair,) = world.sent
    assert (pair.a.status, pair.a.failure, pair.b.status) == (0, "reset", 200)


def test_both_failing_alike_is_equal(world):
    exchange, _ = world.keep(tee_answer(UpstreamReset("gone"), "primary_reset"))
    world.settle(exchange, None, UpstreamReset("gone"))
    assert world.sums.equal == 1


def test_nothing_is_kept_if_the_client_has_gone(world):
    exchange, _ = world.keep(no_answer())
    assert exchange.kept is None
    assert world.sums.requests == 1


def test_an_answer_that_was_cut_off_is_not_compared(world):
    exchange, _ = world.keep(response())
    cut = answer()
    cut.cut_off = True
    world.settle(exchange, cut)
    assert (world.sums.chosen, world.sums.judged) == (1, 0)


def test_nothing_is_kept_of_pairs_that_are_not_chosen(world):
    world.chooser.chooses = lambda seen: False
    exchange, _ = world.keep(response())
    assert exchange.kept is None
    assert (world.sums.requests, world.sums.chosen) == (1, 0)


@pytest.mark.parametrize("b_first", [True, False])
def test_a_streaming_answer_is_compared_when_both_have_ended(world, b_first):
    exchange, followed = world.keep(response(iter([b"hel", b"lo"])))
    if b_first:
        world.settle(exchange, answer())
        assert world.sums.judged == 0
    assert list(followed.body) == [b"hel", b"lo"]
    assert world.sums.judged == 0  # the end of the answer is still to be sent to the client
    followed.close()
    followed.close()
    if not b_first:
        world.settle(exchange, answer())
    assert (world.sums.equal, world.sums.unequal) == (1, 0)


def test_a_stream_of_a_that_breaks_off_is_a_failure_and_breaks_off_for_the_client_too(world):
    def pieces():
        yield b"hel"
        raise UpstreamReset("gone")

    exchange, followed = world.keep(response(pieces()))
    world.settle(exchange, answer())
    with pytest.raises(UpstreamReset):
        list(followed.body)
    followed.close()
    (pair,) = world.sent
    assert (pair.a.failure, pair.b.body) == ("reset", b"hello")


@pytest.mark.parametrize("b_first", [True, False])
def test_a_stream_that_the_client_leaves_is_not_compared(world, b_first):
    exchange, followed = world.keep(response(iter([b"hel", b"lo"])))
    if b_first:
        world.settle(exchange, answer())
    next(followed.body)
    followed.close()
    if not b_first:
        world.settle(exchange, answer())
    assert world.sums.judged == 0
    assert exchange.kept._waiting == []  # else B's answer would stay in memory until the cyclic collector comes


def test_a_comparison_that_fails_is_reported_and_the_answer_of_a_is_closed(world):
    exchange, followed = world.keep(response(iter([b"hello"])))
    exchange.kept.then(lambda a: 1 / 0)
    list(followed.body)
    followed.close()
    assert world.faults == ["an answer of A could not be compared"]


@pytest.mark.parametrize(("b", "equal"), [(b"x" * 2000, 1), (b"x" * 1999 + b"y", 0), (b"x" * 1999, 0)])
@pytest.mark.parametrize("streams", [True, False])
def test_long_bodies_are_compared_by_length_and_digest(world, b, equal, streams):
    body = b"x" * 2000
    exchange, followed = world.keep(response(iter([body[:1500], body[1500:]]) if streams else body))
    if streams:
        list(followed.body)
        followed.close()
    assert exchange.kept.size <= 2 * 1000 + 16 * 1024
    world.settle(exchange, answer(b, most=exchange.kept.room))
    assert (world.sums.equal, world.sums.unequal) == (equal, 1 - equal)
    assert all(pair.a.body is None and pair.a.length == 2000 for pair in world.sent)


def test_the_time_of_b_ends_with_the_head_of_its_answer(world):
    late = answer(b"other")
    late.spent.head_at = perf_counter() - 0.015
    exchange, _ = world.keep(response())
    world.settle(exchange, late)
    (pair,) = world.sent
    assert 0.004 < pair.b_seconds <= 0.005 + 0.001


def test_times_of_a_route_whose_blocks_are_another_processes_count_as_percentiles_only(monkeypatch):
    monkeypatch.setattr(module, "perf_counter", lambda: 1000.0)
    tallies = Tallies(["b"], rows=2)
    for number in range(2):
        row, chooser = tallies.row(number), Chooser(1000, Random(1))
        keeper, comparer = Keeper(Routes(), row, chooser, 1000), Comparer("b", 0, row, chooser, Pairs())
        comparer._load.is_busy = lambda now: False
        request = Request("GET", "/a", [], b"", "", "http")
        kept, answered = keeper.keep(keeper.choose(request), response(), 0.01)
        comparer.settled(Exchange(request, answered.status, 0.01, kept=kept), answer(), None, 0.02)
        assert len(comparer._blocks) == row.has_blocks("GET /a", 1000.0)
    (sums,) = tallies.sums()["b"].values()
    assert sum(sums.a_times) == 2


def test_foreign_kept_answers_are_left_alone(world):
    exchange, _ = world.keep(response())
    exchange.kept = SimpleNamespace(size=1, room=1)
    world.comparer.chosen(exchange)
    world.settle(exchange, answer())
    assert world.sums.chosen == 1


@pytest.mark.parametrize(("method", "missed"), [("GET", 0), ("HEAD", 0), ("POST", 2), ("DELETE", 2), ("CUSTOM", 2)])
def test_writes_that_b_did_not_get_or_did_not_answer_are_counted(world, method, missed):
    exchange = Exchange(Request(method, "/a", [], b"", "", "http"), 200, 0.01)
    world.comparer.missed(exchange)
    world.settle(exchange, None, UpstreamTimeout("too late"))
    assert world.tallies.missed("b") == missed
