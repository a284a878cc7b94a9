"""Sends what was spooled, each lane in its order."""

from httptee.ledger import ShadowLine
from httptee.spool.counts import DROPPED, FAILED, delivered
from httptee.spool.record import ID_FIELD

from .spools import Bench, write


def test_everything_arrives_in_the_order_of_its_lane_with_an_id(tmp_path):
    write(tmp_path, 100, lanes=5)
    bench = Bench(tmp_path, lambda request: 204)
    bench.run(lambda: bench.level)
    assert bench.words.line[delivered(204)] == 100
    for lane in range(5):
        found = [int(request.body) for request in bench.sent if int(request.body) % 5 == lane]
        assert found == sorted(found)
    assert len({dict(request.headers)[ID_FIELD] for request in bench.sent}) == 100
    bench.source.refresh()
    assert not list(tmp_path.glob("*.spool"))


def test_b_that_fails_gets_the_same_again_until_it_takes_it(tmp_path):
    write(tmp_path, 3)
    answers = iter([503, "connect", 429])
    bench = Bench(tmp_path, lambda request: next(answers, 200))
    bench.run(lambda: bench.level)
    assert [request.body for request in bench.sent] == [b"0", b"0", b"0", b"0", b"1", b"2"]
    assert bench.words.line[delivered(200)] == 3


def test_a_request_that_alone_fails_is_set_aside(tmp_path):
    write(tmp_path, 400, lanes=4)
    bench = Bench(tmp_path, lambda request: 500 if request.body == b"8" else 204)
    bench.catchup.pace.rate = bench.catchup.pace.live = 200.0
    bench.run(lambda: bench.level)
    assert bench.words.line[FAILED["poison"]] == 1
    assert bench.words.line[delivered(204)] == 399
    (one,) = bench.aside.all()
    assert (one.clone.body, one.said) == (b"8", "500")


def test_b_that_answers_500_to_all_has_nothing_set_aside(tmp_path):
    write(tmp_path, 8, lanes=4)
    bench = Bench(tmp_path, lambda request: 500)
    bench.run(lambda: len(bench.sent) > 40)
    assert bench.words.line[FAILED["poison"]] == 0
    assert len(bench.aside) == 0
    bench.answer = lambda request: 204
    bench.run(lambda: bench.level)
    assert bench.words.line[delivered(204)] == 8


def test_a_lane_that_is_alone_has_the_check_as_its_witness(tmp_path):
    write(tmp_path, 2)
    bench = Bench(tmp_path, lambda request: 204 if request.target == "/ping" else 500, check="/ping")
    bench.run(lambda: bench.level)
    assert bench.words.line[FAILED["poison"]] == 2


def test_what_is_too_old_or_damaged_is_dropped_and_named(tmp_path):
    write(tmp_path, 3)
    (path,) = tmp_path.glob("*.spool")
    data = bytearray(path.read_bytes())
    data[data.index(b"\r\n\r\n2") + 4] ^= 1
    path.write_bytes(data)
    bench = Bench(tmp_path, lambda request: 204, max_age=0.5)
    bench.run(lambda: bench.level)
    assert bench.words.line[DROPPED["spool_expired"]] == 2
    assert bench.words.line[DROPPED["spool_corrupt"]] == 1
    assert {loss.reason for loss in bench.words.losses()} == {"spool_expired", "spool_corrupt"}


def test_the_oldest_make_room(tmp_path):
    write(tmp_path, 10, lanes=10)
    bench = Bench(tmp_path, lambda request: 204)
    bench.source.refresh()
    bench.catchup.step(held=True)
    bench.catchup.drop_oldest(3)
    assert bench.words.line[DROPPED["spool_full"]] == 3
    bench.run(lambda: bench.level)
    assert sorted(int(request.body) for request in bench.sent) == list(range(3, 10))
    assert sum(bench.words.line[: ShadowLine.SEEN]) == 10


def test_nothing_is_sent_while_it_is_held(tmp_path):
    write(tmp_path, 3)
    bench = Bench(tmp_path, lambda request: 204)
    bench.source.refresh()
    for _ in range(5):
        bench.catchup.step(held=True)
    assert bench.sent == []
