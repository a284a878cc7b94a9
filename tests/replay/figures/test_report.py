from httptee.replay.figures.report import LATEST, as_dict, kept_up, text
from httptee.replay.figures.tally import Tally
from httptee.replay.sending import LOST
from tests.replay.figures.test_tally import sent, tally


def test_the_counts_are_in_two_lines_that_add_up():
    made = tally(sent(), sent(), sent("connect", 0, waited=-1.0), sent("timeout", 0))
    lines = text(made.figures(1006, {"filtered": 2, "body_not_recorded": 1}, 999, 4.0)).splitlines()
    assert lines[0] == (
        "1,006 recorded = 3 sent + 3 filtered (filtered: 2, body not recorded: 1) + 1 failed to send (connect: 1) "
        "+ 999 not reached"
    )
    assert lines[1] == "3 sent = 2 answered (200: 2) + 1 without an answer (timeout: 1)"
    assert lines[2] == "4.0 s, 0.8 requests/s"


def test_what_is_damaged_has_a_place_of_its_own():
    lines = text(tally(sent()).figures(5, {}, 1, 4.0, damaged=3)).splitlines()
    assert lines[0] == (
        "5 recorded = 1 sent + 0 filtered + 0 failed to send + 3 damaged in the recording + 1 not reached"
    )


def test_the_times_are_from_the_due_time_and_from_the_send_time():
    lines = text(tally(sent(waited=1.0, took=0.5, late=0.002)).figures(1, {}, 0, 1.0)).splitlines()
    table = [line.split("  ") for line in lines if line.startswith(("from", "lateness"))]
    assert [(row[0], row[-1].strip()) for row in table] == [
        ("from the due time", "1,500.00 ms"), ("from the send time", "500.00 ms"), ("lateness", "2.00 ms"),
    ]  # fmt: skip


def test_a_closed_loop_has_no_due_times():
    assert "due" not in text(tally(sent()).figures(1, {}, 0, 1.0), closed=True)


def test_it_says_where_the_generator_could_not_keep_up():
    late, quick = (tally(sent(late=time)).figures(1, {}, 0, 1.0) for time in (LATEST * 1.1, LATEST * 0.9))
    assert "The generator could not keep up: 1 in 100 requests was over 11 ms late." in text(late)
    assert "keep up" not in text(quick)
    assert (kept_up(late), kept_up(quick)) == (False, True)
    assert as_dict(late)["kept_up"] is False


def test_the_figures_are_json():
    found = as_dict(tally(sent()).figures(1, {}, 0, 1.0))
    assert found["statuses"] == {"200": 1}
    assert found["from_due"]["longest"] == 0.012


def test_without_a_request_there_is_a_report():
    assert text(Tally().figures(0, {}, 0, 0.0)).startswith("0 recorded = 0 sent + 0 filtered + 0 failed to send\n")


def test_it_says_that_a_process_has_died():
    made = tally(sent(), sent(LOST, 0, waited=-1.0))
    made.died = 1
    lines = text(made.figures(2, {}, 0, 1.0)).splitlines()
    assert lines[0] == "2 recorded = 1 sent + 0 filtered + 1 failed to send (lost: 1)"
    assert lines[3] == "1 of the processes that send died. Of what is lost, it is not known whether it was sent."
