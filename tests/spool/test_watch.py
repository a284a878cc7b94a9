"""One line in the log for each change."""

import logging

import pytest

from httptee.ledger.columns import ShadowLine
from httptee.spool.watch import Watch

from .spools import Bench, write


def test_down_then_catching_up_then_level(tmp_path, caplog):
    write(tmp_path, 3)
    bench = Bench(tmp_path, lambda request: "connect")
    now = [0.0]
    watch = Watch(bench.catchup, clock=lambda: now[0])

    def look():
        for _ in range(10):
            now[0] += 0.5
            watch.look(held=False)

    with caplog.at_level(logging.INFO, "httptee.spool.watch"):
        bench.run(lambda: len(bench.sent) > 1)
        look()
        assert bench.words.gauges()["records"] == 3
        bench.answer = lambda request: 503 if request.body == b"1" else 204
        bench.run(lambda: bench.catchup.last_success > 0)
        look()
        bench.answer = lambda request: 204
        bench.run(lambda: bench.level)
        look()
    said = [record.getMessage() for record in caplog.records if record.name == "httptee.spool.watch"]
    assert len(said) == 3
    for text, word in zip(said, ("down (connect)", "catches up", "level again"), strict=True):
        assert word in text


def test_the_rate_at_which_the_spool_becomes_smaller_is_without_the_clones_that_come(tmp_path):
    bench = Bench(tmp_path, lambda request: 204)
    now, words = [0.0], bench.words
    words.put[1] = 100_000
    watch = Watch(bench.catchup, clock=lambda: now[0])
    for _ in range(200):
        now[0] += 0.25
        words.put[1] += 500  # 2,000 come in a second, and 3,300 leave
        words.left[1] += 825
        words.line[ShadowLine.DELIVERED[204]] += 825
        watch.look(held=False)
    gauges = words.gauges()
    assert gauges["rate"] == pytest.approx(3_300_000, rel=0.01)
    assert gauges["shrinks"] == pytest.approx(1_300_000, rel=0.01)
    for _ in range(200):
        now[0] += 0.25
        words.put[1] += 500
        watch.look(held=False)
    assert words.gauges()["shrinks"] == 0
