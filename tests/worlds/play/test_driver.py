"""A world is played to a court as a tee would do it."""

from dataclasses import dataclass

from httptee.compare import Routes, differences, equal
from httptee.verdict.court.latency import BUCKETS, Blocks, bucket
from httptee.verdict.court.pair import Pair
from httptee.verdict.judge.repeats import RepeatLimits, Repeats
from tests.worlds import SHOP, World
from tests.worlds.play.driver import Instruments, Play
from tests.worlds.play.tally import Tally
from tests.worlds.traffic import Traffic

START = 1_700_000_000.0


@dataclass(frozen=True)
class Ask:
    pair: Pair
    due: float
    delayed: bool = False
    priority: float = 1.0
    more: int = 0


class Recorder:
    """A court that wants every pair repeated once, after `delay` seconds."""

    def __init__(self, delay=0.0, wants=True):
        self.delay = delay
        self.wants = wants
        self.pairs = []
        self.repeated = []
        self.refused_asks = []

    def unequal(self, pair, found):
        self.pairs.append((pair, found))
        return Ask(pair, pair.b_at + self.delay, bool(self.delay)) if self.wants else None

    def confirmed(self, pair, again, found):
        self.repeated.append((pair, again))

    def refused(self, ask):
        self.refused_asks.append(ask)


def played(court, requests=600, defects=(), noises=(), limits=None, rate=20.0, weights=None):
    world = World(3, defects, noises, SHOP)
    instruments = Instruments(court, differences, equal, Routes().route, lambda: Tally(Blocks(), bucket, BUCKETS))
    repeats = Repeats(limits or RepeatLimits(), START)
    play = Play(world, Traffic(SHOP, 3, weights, rate, START), instruments, repeats, 3)
    result = play.run(lambda played: played.requests >= requests)
    return result, world, repeats


def test_every_request_is_a_pair_and_counts_on_its_route():
    court = Recorder(wants=False)
    result, _, _ = played(court)
    assert (result.requests, result.offered, result.delivered, result.unequal) == (600, 600, 600, 0)
    assert sum(tally.chosen for tally in result.tallies.values()) == 600
    assert sum(sum(sums.a_times) for sums in result.sums().values()) == 600
    assert result.routes.keys() <= SHOP.routes.keys()


def test_one_equal_pair_in_twenty_goes_to_the_court():
    court = Recorder(wants=False)
    played(court, requests=2000)
    assert 60 < len(court.pairs) < 140
    assert all(pair.extra and not found for pair, found in court.pairs)


def test_every_unequal_pair_goes_to_the_court_with_its_differences():
    court = Recorder(wants=False)
    result, _, _ = played(court, defects=["price"])
    unequal = [(pair, found) for pair, found in court.pairs if not pair.extra]
    assert len(unequal) == result.unequal > 50
    assert {str(found[0].key.path) for _, found in unequal} == {"$.items[].price"}
    assert all(pair.at < pair.b_at and pair.route == "GET /users/{int}/items" for pair, _ in unequal)


def test_repeats_stay_within_the_limits_of_a_tee():
    court = Recorder()
    result, world, repeats = played(court, 2000, noises=["served_by"], limits=RepeatLimits(2.0, 0.01, 20))
    seconds = result.now - START
    assert 20 <= repeats.made <= 20 + 0.01 * 2000 + 1
    assert repeats.made <= 2 * seconds + 2
    assert len(court.repeated) == repeats.made
    assert len(court.repeated) + len(court.refused_asks) == len(court.pairs)
    assert result.unsafe == 0
    assert world.once == 2 * sum(result.routes[name] for name, route in SHOP.routes.items() if route.once)


def test_no_repeats_are_made_where_there_are_none_allowed():
    court = Recorder()
    _, _, repeats = played(court, noises=["served_by"], limits=RepeatLimits(0.0))
    assert repeats.made == 0
    assert len(court.refused_asks) == len(court.pairs)


def test_a_delayed_repeat_is_made_when_it_is_due():
    court = Recorder(delay=90.0)
    played(court, 300, defects=["price"], rate=5.0)
    assert court.repeated
    assert all(again.at - pair.b_at >= 90.0 and again.delayed for pair, again in court.repeated)


def test_a_write_that_is_lost_is_counted_and_b_does_not_know_it():
    court = Recorder(wants=False)
    result, _, _ = played(court, 1500, defects=["lost_writes"])
    writes = sum(number for route, number in result.routes.items() if route.startswith(("POST", "PUT")))
    assert 0.1 * writes < result.writes_missed < 0.3 * writes
    assert result.offered - result.delivered == result.writes_missed
    statuses = {(pair.a.status, pair.b.status) for pair, found in court.pairs if found}
    assert (200, 404) in statuses


def test_a_write_that_is_late_is_there_a_second_later():
    court = Recorder(delay=1.0)
    result, _, _ = played(court, 2000, noises=["late"], limits=RepeatLimits(100.0, 1.0, 1000))
    assert result.writes_missed == 0
    reads = [(pair, again) for pair, again in court.repeated if pair.route == "GET /orders/{hex}" and not pair.extra]
    assert reads
    caught_up = [again.a.body == again.b.body for _, again in reads]
    assert sum(caught_up) > 0.5 * len(caught_up)
