"""What an engine says of a spool, for people."""

from httptee.spool.engine import survey

from ..spools import write
from .benches import Sender, ship
from .engines import FakeEngine, Topic


def test_it_counts_what_waits_and_what_became_of_the_rest(tmp_path):
    topic = Topic(2)
    write(tmp_path, 30, lanes=3)
    ship(tmp_path, topic)
    before = survey(FakeEngine(topic))
    assert (before.waiting, dict(before.counts), before.gap.count) == (30, {}, 0)
    assert before.oldest == min(entry.message.stamp for each in topic.entries.values() for entry in each)
    most = max(topic.entries.values(), key=len)
    removed = most[:4]
    del most[:4]
    sender = Sender(topic, lambda request: 204)
    sender.run(lambda: FakeEngine(topic).depth("spool") == 0)
    after = survey(FakeEngine(topic))
    assert (after.waiting, after.oldest) == (0, 0)
    assert dict(after.counts) == {"delivered 204": 26, "dropped spool_corrupt": 4}
    assert after.gap.count == 4
    assert after.gap.since <= removed[0].message.stamp <= removed[-1].message.stamp <= after.gap.until
