from httptee.compare import Outcome
from httptee.http import Request
from httptee.replay.replaying.asking import Live
from httptee.verdict.court import Pair
from tests.support.net import eventually


class Ask:
    def __init__(self, method="GET", priority=1.0):
        request = Request(method, "/", [], b"", "192.0.2.1", "http")
        same = Outcome(200, [], b"", 0)
        self.pair = Pair(1, "b", f"{method} /", request, same, same, 0.0, 0.0, 0.0, 0.0)
        self.due, self.delayed, self.priority, self.more = 0.0, False, priority, 0


class Asker:
    def __init__(self):
        self.asked = []
        self.closed = False

    def ask(self, request, backend, most):
        self.asked.append(backend)
        return Outcome(200, [], b"", 0)

    def close(self):
        self.closed = True


def test_a_and_b_are_asked_once_more():
    asker = Asker()
    live = Live(asker, 1000.0)
    ask = Ask()
    assert live.offer(ask)
    ((found, again),) = eventually(live.turn)
    assert found is ask
    assert again.a.status == 200
    assert sorted(asker.asked) == ["", "b"]
    assert live.made == 1


def test_what_may_change_something_is_not_asked():
    assert not Live(Asker(), 1.0).offer(Ask("POST"))


def test_the_rate_is_kept_and_the_most_important_is_first():
    now = [100.0]
    asker = Asker()
    live = Live(asker, 2.0, clock=lambda: now[0])
    asks = [Ask(priority=number) for number in (1.0, 3.0, 2.0)]
    for ask in asks:
        live.offer(ask)
    found = eventually(live.turn)
    assert [ask for ask, _ in found] == [asks[1]]
    assert live.made == 1
    now[0] += 0.5
    assert [ask for ask, _ in eventually(live.turn)] == [asks[2]]


def test_only_so_many_wait():
    live = Live(Asker(), 1.0, clock=lambda: 0.0)
    assert sum(live.offer(Ask()) for _ in range(1000)) < 500


def test_at_the_end_nothing_waits_once_it_is_stopped():
    asker = Asker()
    live = Live(asker, 0.001, clock=lambda: 0.0)  # its time never comes
    for _ in range(3):
        live.offer(Ask())
    found = live.finish(60.0, lambda: True)
    assert sum(again is None for _, again in found) == 2
    assert asker.closed


def test_at_the_end_what_was_not_asked_has_no_answer():
    asker = Asker()
    live = Live(asker, 0.001)
    for _ in range(3):
        live.offer(Ask())
    found = live.finish(0.5)
    assert len(found) == 3
    assert sum(again is None for _, again in found) == 2
    assert asker.closed
