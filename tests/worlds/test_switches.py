"""Every switch of every world does what it says, and nothing else. The comparison of the tee says what differs."""

from collections import Counter, defaultdict
from itertools import islice
from statistics import mean, median

import pytest

from httptee.compare import differences
from tests.worlds import SERVICES, World
from tests.worlds.switches import LATENCY
from tests.worlds.traffic import Traffic

ALL_NOISE = [
    pytest.param(service, noise, id=f"{service.name}-{noise.name}")
    for service in SERVICES.values()
    for noise in service.noises.values()
]
CONTENT = [
    pytest.param(service, defect, id=f"{service.name}-{defect.name}")
    for service in SERVICES.values()
    for defect in service.defects.values()
    if defect.edit or defect.wire
]
TIMES = [
    pytest.param(service, defect, id=f"{service.name}-{defect.name}")
    for service in SERVICES.values()
    for defect in service.defects.values()
    if defect.expected[0].part == LATENCY
]


def asked(world, focus="", requests=500, gap=0.01, rate=20.0):
    """What A and B answer to the service's traffic, with their times, by route."""
    weights = dict(world.service.weights)
    if focus:
        weights[focus] = sum(weights.values())
    traffic = Traffic(world.service, 7, weights, rate)
    for arrival in islice(traffic, requests):
        a, a_seconds = world.ask("a", arrival.request, arrival.at)
        traffic.answered(arrival, a, arrival.at + 0.05)
        b, b_seconds = world.ask("b", arrival.request, arrival.at + gap)
        yield arrival.route, a, b, a_seconds, b_seconds


def places(world, focus=""):
    """How often A and B differ, by route and key."""
    found = Counter()
    for route, a, b, _, _ in asked(world, focus):
        found.update((route, *each.key) for each in differences(a, b))
    return found


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_without_a_switch_nothing_differs(service):
    assert places(World(1, [], [], service)) == {}


@pytest.mark.parametrize(("service", "defect"), CONTENT)
def test_a_defect_shows_at_its_place_and_nowhere_else(service, defect):
    (expected,) = defect.expected
    found = places(World(1, [defect.name], defect.needs, service), expected.route)
    noise = places(World(1, [], defect.needs, service), expected.route)
    assert any(expected.is_at(*place) for place in found)
    other = {place for place in found.keys() - noise.keys() if not expected.is_at(*place)}
    assert {(route, part) for route, part, _, _ in other} <= set(defect.also)


@pytest.mark.parametrize(("service", "noise"), ALL_NOISE)
def test_a_noise_shows_at_its_places_and_nowhere_else(service, noise):
    found = places(World(1, [], [noise.name], service), noise.route)
    for expected in noise.expected:
        if "absent" not in expected.labels:
            assert any(expected.is_at(*place) for place in found), expected
    if noise.route:
        for place in found:
            assert any(expected.is_at(*place) for expected in noise.expected) or place[0] == noise.route


@pytest.mark.parametrize(("service", "defect"), TIMES)
def test_a_slow_b_is_slower_on_its_route_only(service, defect):
    times = defaultdict(list)
    for route, _, _, a_seconds, b_seconds in asked(World(1, [defect.name], [], service), defect.route, 3000):
        times[route == defect.route, "a"].append(a_seconds)
        times[route == defect.route, "b"].append(b_seconds)
    usual = median if defect.slow > 1.0 else mean
    assert usual(times[True, "b"]) > 1.05 * usual(times[True, "a"])
    assert median(times[False, "b"]) < 1.05 * median(times[False, "a"])


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_the_same_seed_gives_the_same_answers(service):
    one, other = (list(asked(World(4, [], None, service))) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("service", SERVICES.values(), ids=lambda service: service.name)
def test_other_seeds_give_other_data(service):
    one, other = (list(asked(World(seed, [], [], service))) for seed in (4, 5))
    assert one != other


def test_a_switch_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError):
        World(1, ["nonsense"], None, next(iter(SERVICES.values())))
