"""Sends what was spooled, each lane in its order."""

import time

import pytest

from httptee.ledger import ShadowLine
from httptee.spool import lanes
from httptee.spool.counts import DROPPED, FAILED, delivered
from httptee.spool.names import StreamName
from httptee.spool.record import ID_FIELD
from httptee.spool.stream import Stream

from .spools import RUN, Bench, a_request, a_sheet, encode, write


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
    bench.catchup.drop_oldest(3 * next(iter(bench.catchup.lanes)).head.size)
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


@pytest.mark.parametrize(
    ("ambiguous", "status", "sent"), [("never", "timeout", 1), ("idempotent", "timeout", 1), ("retry", "timeout", 2)]
)
def test_what_b_may_have_executed_is_sent_again_only_if_that_is_wanted(tmp_path, ambiguous, status, sent):
    write(tmp_path, 2)
    answers = iter([status])
    bench = Bench(tmp_path, lambda request: next(answers, 200), ambiguous=ambiguous)
    bench.run(lambda: bench.level)
    assert [request.body for request in bench.sent] == [b"0"] * sent + [b"1"]
    assert bench.words.line[FAILED["timeout"]] == (sent == 1)
    assert bench.words.line[delivered(200)] == sent


def test_what_was_certainly_not_sent_is_sent_again_in_any_case(tmp_path):
    write(tmp_path, 1)
    answers = iter(["connect"])
    bench = Bench(tmp_path, lambda request: next(answers, 200), ambiguous="never")
    bench.run(lambda: bench.level)
    assert len(bench.sent) == 2


def test_what_the_end_cuts_off_is_not_sent_again_by_the_next_drainer_if_that_is_not_wanted(tmp_path):
    write(tmp_path, 1)
    bench = Bench(tmp_path, lambda request: None, ambiguous="never")
    bench.run(lambda: bool(bench.sent))
    (flight,) = bench.catchup.flights.values()
    bench.answer = lambda request: "timeout"
    bench.send(flight.exchange)  # as the roads do when they are closed
    bench.catchup.close()
    assert bench.words.line[FAILED["timeout"]] == 1
    assert bench.level


def two_poisonous_lanes(request):
    return 204 if request.target == "/ping" else 500


def test_two_lanes_that_both_fail_do_not_hold_each_other_while_the_check_is_answered(tmp_path):
    write(tmp_path, 4, lanes=2)
    bench = Bench(tmp_path, two_poisonous_lanes, check="/ping")
    bench.run(lambda: bench.level)
    assert bench.words.line[FAILED["poison"]] == 4


def test_if_the_check_fails_too_nothing_is_set_aside(tmp_path):
    write(tmp_path, 4, lanes=2)
    bench = Bench(tmp_path, lambda request: 500, check="/ping")
    bench.run(lambda: sum(request.target == "/ping" for request in bench.sent) > 5)
    assert len(bench.aside) == 0


def test_a_check_that_is_answered_while_many_lanes_and_no_clone_succeed_shows_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(lanes, "_FEW", 3)
    write(tmp_path, 4, lanes=4)
    bench = Bench(tmp_path, two_poisonous_lanes, check="/ping")
    bench.run(lambda: all(lane.failures > 9 for lane in bench.catchup.lanes) and len(bench.catchup.lanes) == 4)
    assert len(bench.aside) == 0


def retry_after(seconds, status):
    return status, ("Retry-After", str(seconds))


def test_one_client_that_is_to_wait_holds_no_other(tmp_path):
    write(tmp_path, 40, lanes=4)
    bench = Bench(tmp_path, lambda request: retry_after(60, 429) if int(request.body) % 4 == 1 else 204)
    bench.run(lambda: bench.words.line[delivered(204)] == 30)
    assert len([request for request in bench.sent if int(request.body) % 4 == 1]) == 1


def test_one_client_that_is_always_to_wait_slows_no_other_down(tmp_path):
    write(tmp_path, 2, lanes=2)
    bench = Bench(tmp_path, lambda request: 429 if request.body == b"1" else 204)
    pace = bench.catchup.pace
    pace.rate, pace.live = 1000.0, 1000.0
    began = time.monotonic()
    bench.run(lambda: len(bench.sent) > 10 and time.monotonic() - began > 0.6)
    assert pace.rate >= 500.0
    assert bench.words.line[delivered(204)] == 1


def test_b_that_is_to_be_left_alone_gets_nothing(tmp_path):
    write(tmp_path, 40, lanes=4)
    bench = Bench(tmp_path, lambda request: retry_after(60, 503))
    bench.catchup.pace.rate = bench.catchup.pace.live = 1.0
    bench.run(lambda: bool(bench.catchup.failure))
    sent = len(bench.sent)
    bench.catchup.pace.rate = bench.catchup.pace.live = 1e6
    for _ in range(5):
        bench.catchup.step()
    assert len(bench.sent) == sent


def test_a_request_that_fails_alone_is_set_aside_also_if_each_answer_names_a_time(tmp_path):
    write(tmp_path, 400, lanes=4)
    bench = Bench(tmp_path, lambda request: retry_after(0, 500) if request.body == b"8" else 204)
    bench.catchup.pace.rate = bench.catchup.pace.live = 200.0
    bench.run(lambda: bench.level)
    assert bench.words.line[FAILED["poison"]] == 1


def test_a_clone_waits_for_the_time_that_the_answer_has_named_that_put_it_into_the_spool(tmp_path):
    sheet, now = a_sheet(tmp_path), time.time_ns()
    soon, never = now + 60 * 10**9, now + 3600 * 10**9  # the clock was set back since the last one was written
    for number, due in enumerate((soon, 0, never)):
        assert sheet.append([(now - 10**9, encode(a_request(number), f"lane{number}", due))])
    sheet.close()
    bench = Bench(tmp_path, lambda request: 204)
    bench.run(lambda: len(bench.sent) == 2)
    bench.catchup.step()
    assert [request.body for request in bench.sent] == [b"1", b"2"]


def test_what_waits_in_memory_becomes_too_old_while_b_is_down(tmp_path):
    write(tmp_path, 40, lanes=4)
    bench = Bench(tmp_path, lambda request: "connect", max_age=3600.0)
    bench.run(lambda: len(bench.sent) > 4)
    assert bench.words.line[DROPPED["spool_expired"]] == 0
    bench.catchup._settings = type(bench.catchup._settings)("", max_age=0.5)
    bench.run(lambda: bench.level)
    assert bench.words.line[DROPPED["spool_expired"]] == 40


def test_what_is_behind_a_clone_in_flight_becomes_too_old(tmp_path):
    write(tmp_path, 40, lanes=1)
    bench = Bench(tmp_path, lambda request: None)
    bench.run(lambda: len(bench.sent) == 1)
    bench.catchup._settings = type(bench.catchup._settings)("", max_age=0.5)
    bench.catchup.expire()
    assert bench.words.line[DROPPED["spool_expired"]] == 39
    assert len(bench.catchup.lanes) == 1


def three_files(directory):
    """The clones 0, 1 and 2, each in a file of its own."""
    sheet, stamp = a_sheet(directory), time.time_ns() - 10**9
    for number in range(3):
        assert sheet.append([(stamp + number, encode(a_request(number), "lane"))])
        sheet.rest()
    sheet.close()
    return sorted(directory.glob("*.spool"))


def exact(bench):
    """Everything that was found has become something."""
    line = bench.words.line
    assert line[ShadowLine.SEEN] == sum(line[: ShadowLine.SEEN])
    return line


def test_a_cursor_before_the_beginning_counts_what_was_removed(tmp_path):
    three_files(tmp_path)[0].unlink()
    bench = Bench(tmp_path, lambda request: 204)
    bench.run(lambda: bench.level)
    line = exact(bench)
    assert (line[ShadowLine.SEEN], line[DROPPED["spool_corrupt"]], line[delivered(204)]) == (3, 1, 2)


def test_a_cursor_after_the_end_counts_nothing(tmp_path):
    three_files(tmp_path)
    stream = Stream(tmp_path, StreamName(RUN, 1, 1))
    stream.cursor.skip_to(99)
    stream.close()
    bench = Bench(tmp_path, lambda request: 204)
    bench.run(lambda: bench.level)
    assert exact(bench)[ShadowLine.SEEN] == 0
    assert bench.sent == []
    bench.source.refresh()
    assert not list(tmp_path.glob("*.spool"))


def test_without_any_file_but_the_cursor_everything_that_was_stored_is_counted_as_lost(tmp_path):
    for path in three_files(tmp_path):
        path.unlink()
    bench = Bench(tmp_path, lambda request: 204)
    bench.run(lambda: bench.level)
    line = exact(bench)
    assert (line[ShadowLine.SEEN], line[DROPPED["spool_corrupt"]]) == (3, 3)
    assert bench.sent == []
