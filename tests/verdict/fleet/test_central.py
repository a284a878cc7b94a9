from dataclasses import replace

import orjson
import pytest

from httptee.journal.engines import Unavailable
from httptee.journal.shipping import Missing
from httptee.verdict.court import RouteSums
from httptee.verdict.fleet.central import GROUP, CentralJudge
from httptee.verdict.fleet.document import Lost, encoded
from httptee.verdict.fleet.partitions import Partitions
from httptee.verdict.fleet.reading import TeeDocuments
from httptee.verdict.fleet.standing import VERDICT, Standing
from httptee.verdict.judge import Asking, RepeatLimits, Repeats, Trial
from tests.support.engine import MemoryEngine
from tests.verdict.fleet.fakes import Writer, tee
from tests.verdict.judge.fakes import FakeAsker, FakeCourt, FakeEvidence, compare
from tests.verdict.judge.samples import outcome, pair

ROUTE = "GET /users/{int}"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Court(FakeCourt):
    """Can be merged."""

    def take(self, state):
        self.seen += state["seen"]


class Setting:
    """A topic with one tee, and judges that work on it."""

    def __init__(self, partitions=4):
        self.engine = MemoryEngine(partitions)
        self.writer = Writer(self.engine)
        self.clock = Clock()
        self.slept = []
        self.tell()

    def tell(self, **more):
        sums = RouteSums(10, 10, 4, 6)
        found = replace(tee(more={ROUTE: sums}), **more)
        self.engine.put(found.name, encoded(found))

    def judge(self, name="first", limits=None, asker=None, compare=compare):
        engine = self.engine
        evidence = FakeEvidence()
        evidence.keep = "full"
        trials = [Trial("canary", "f", lambda chapter, state: Court(chapter, state))]
        self.asker = asker or FakeAsker(a=outcome(), canary=outcome(b"[]"))
        made = CentralJudge(
            Partitions(engine.join(GROUP), engine.partitions, trials, clock=self.clock),
            TeeDocuments(engine),
            trials,
            evidence,
            Asking(self.asker, 1000, start=lambda work: work()),
            Repeats(limits or RepeatLimits(per_second=0.0), self.clock()),
            compare,
            Standing(engine, evidence, name, 900.0),
            self.clock,
            self.slept.append,
        )
        made.evidence = evidence
        return made

    def turn(self, *judges):
        for judge in judges:
            judge.turn()
        self.clock.now += 1.0

    @property
    def published(self):
        return orjson.loads(self.engine.documents("")[VERDICT])

    @property
    def judged(self):
        return self.published["reports"][0]["judged"]


def test_the_pairs_of_a_tee_are_judged_and_its_counts_reported():
    setting = Setting()
    setting.writer.put(*[pair()] * 6)
    judge = setting.judge()
    setting.turn(judge)
    report = setting.published["reports"][0]
    assert (report["offered"], report["judged"]) == (10, 6)
    assert [one.number for one, _, _ in judge.evidence.added] == sorted(
        {one.number for one, *_ in judge.evidence.added}
    )
    assert judge.evidence.reports


def test_each_judge_has_some_partitions_and_each_says_the_whole():
    setting = Setting()
    routes = [f"GET {'/x' * depth}" for depth in range(1, 9)]
    setting.writer.put(*(replace(pair(), route=route) for route in routes))
    one, two = setting.judge("one"), setting.judge("two")
    for _ in range(4):
        setting.turn(one, two)
    assert len(one._partitions.owned) == len(two._partitions.owned) == 2
    assert setting.judged == 8
    assert [judge["name"] for judge in setting.published["fleet"]["judges"]] == ["one", "two"]


def test_a_judge_that_is_killed_loses_nothing_and_counts_nothing_twice():
    setting = Setting(1)
    setting.writer.put(*[pair()] * 3)
    first = setting.judge("first")
    setting.turn(first)
    setting.writer.put(*[pair()] * 4)
    list(first._partitions.read(100, 0.0))
    first._partitions._member.kill()
    second = setting.judge("second")
    setting.turn(second)
    assert setting.judged == 7


def test_the_limits_of_repeats_are_shared_by_the_judges():
    setting = Setting()
    one, two = setting.judge("one"), setting.judge("two")
    for _ in range(4):
        setting.turn(one, two)
    assert one._repeats.part + two._repeats.part == 1.0
    assert one._repeats.part == 0.5


def test_a_and_b_are_asked_again_and_the_court_learns_it():
    setting = Setting(1)
    setting.writer.put(pair())
    judge = setting.judge(limits=RepeatLimits())
    for _ in range(3):
        setting.turn(judge)
    court = judge._partitions.owned[0].hearings["canary"].court
    assert [backend for backend, *_ in setting.asker.asked].count("canary") == 1
    assert len(court.confirmations) == 1
    assert setting.published["reports"][0]["repeats"] == 1
    judge.end()
    assert setting.judge("second").end() is None


def test_a_wish_for_a_partition_that_another_judge_has_is_not_carried_out():
    setting = Setting(1)
    setting.writer.put(pair())
    judge = setting.judge(limits=RepeatLimits())
    judge.turn()
    judge._partitions.owned.clear()
    setting.clock.now += 5
    judge._ask()
    assert setting.asker.asked == []


def test_what_is_no_pair_is_counted_and_does_not_stop_anything():
    setting = Setting(1)
    setting.writer.put_payload(b"Rnonsense")
    setting.writer.put_payload(b"?")
    setting.writer.put_payload(b"Hhead")
    setting.writer.put(pair(backend="unknown"), pair())
    judge = setting.judge()
    setting.turn(judge)
    assert setting.judged == 1
    assert setting.published["judge"]["strange"] == 3
    assert judge.failures == 0


def test_a_pair_that_cannot_be_compared_is_a_failure_and_the_next_one_is_judged():
    setting = Setting(1)
    setting.writer.put(pair(b=outcome(b"raise")), pair())
    judge = setting.judge()
    setting.turn(judge)
    assert (judge.failures, setting.judged) == (1, 1)


def test_what_an_outbox_has_lost_is_told_and_counted():
    setting = Setting(1)
    setting.writer.put_payload(b"M" + Missing(5, 10**9, 2 * 10**9, "removed").packed())
    judge = setting.judge()
    setting.turn(judge)
    assert setting.published["fleet"]["lost"] == {"count": 5, "first": 1.0, "last": 2.0}
    assert judge._partitions.owned[0].lost == Lost(5, 1.0, 2.0)
    assert any("5 pairs of the time" in note for note in setting.published["reports"][0]["notes"])


def test_an_engine_that_is_down_is_waited_for(caplog):
    setting = Setting(1)
    judge = setting.judge()
    setting.turn(judge)
    setting.engine.unavailable = "redis://host/verdict: connection refused"
    for _ in range(3):
        judge.turn()
    assert len(setting.slept) == 3
    assert caplog.text.count("connection refused") == 1
    setting.engine.unavailable = ""
    setting.writer.put(pair())
    setting.turn(judge)
    assert setting.judged == 1


def test_at_the_end_all_is_saved_and_given_back():
    setting = Setting(1)
    setting.writer.put(*[pair()] * 2)
    first = setting.judge()
    first.turn()
    setting.writer.put(pair())
    first.turn()
    first.end()
    assert first.evidence.closed
    assert setting.asker.closed
    second = setting.judge("second")
    setting.turn(second)
    assert setting.judged == 3


def test_the_end_while_the_engine_is_down_raises_nothing_and_is_one_line(caplog):
    setting = Setting(1)
    setting.writer.put(pair())
    judge = setting.judge()
    judge.turn()
    setting.engine.unavailable = "down"
    judge.end()
    assert judge.evidence.closed
    assert [record.exc_info for record in caplog.records] == [None]


def test_the_tees_their_sum_and_when_they_were_heard_are_published():
    setting = Setting(1)
    setting.tell(at=995.0)
    setting.tell(instance="two", at=900.0)
    setting.tell(instance="three", at=900.0, ended=True)
    judge = setting.judge()
    setting.turn(judge)
    fleet = setting.published["fleet"]
    assert [(one["instance"], one["state"], one["age"]) for one in fleet["tees"]] == [
        ("one", "running", 5.0),
        ("three", "ended", 100.0),
        ("two", "silent", 100.0),
    ]
    (ledger,) = fleet["ledger"]
    assert ledger["seen"] == sum(one["ledger"][0]["seen"] for one in fleet["tees"]) == 30


def test_a_document_that_cannot_be_read_is_counted(caplog):
    setting = Setting(1)
    setting.engine.put("tee/bad/run", b"nonsense")
    setting.engine.put("tee/gone/run", b"")
    judge = setting.judge()
    setting.turn(judge)
    setting.turn(judge)
    assert setting.published["judge"]["dropped"] == 1
    assert len(setting.published["fleet"]["tees"]) == 1
    assert caplog.text.count("tee/bad/run") == 1


@pytest.mark.parametrize("data", [b"nonsense", b"[]", b'{"at": null, "name": "x"}', b'{"at": 1000}'])
def test_what_is_no_document_of_a_judge_stops_no_judge(data):
    setting = Setting(1)
    setting.engine.put("judge/other", data)
    judge = setting.judge()
    setting.turn(judge)
    assert len(setting.published["fleet"]["judges"]) == 1


def test_a_change_of_the_verdict_is_logged_once(caplog):
    caplog.set_level("INFO")
    setting = Setting(1)
    judge = setting.judge()
    setting.turn(judge)
    setting.turn(judge)
    assert caplog.text.count("B canary: the verdict is NOT YET") == 1


def test_documents_are_read_only_while_the_engine_is_there():
    engine = MemoryEngine(1)
    engine.unavailable = "down"
    with pytest.raises(Unavailable):
        TeeDocuments(engine).read()


def test_a_report_that_cannot_be_published_does_not_end_a_judge(monkeypatch):
    setting = Setting(1)
    setting.writer.put(pair())
    judge = setting.judge()
    with monkeypatch.context() as patched:
        patched.setattr(judge.evidence, "publish", lambda *_, **__: [][0])
        setting.turn(judge)
    assert judge.failures == 1
    setting.turn(judge)
    assert setting.judged == 1
