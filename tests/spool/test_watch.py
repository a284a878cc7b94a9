"""One line in the log for each change."""

import logging

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
