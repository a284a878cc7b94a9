import pytest

from httptee.journal.shipping import state as module
from httptee.journal.shipping.parcel import Missing
from httptee.journal.shipping.state import Place, Plan, State, StateFile


def saved():
    state = State("tee.1", "redis://there/topic", {0: 5, 3: 7}, {"s": Place("ab", 10, 3, 99, True)}, 12, 2)
    state.gaps = [Missing(2, 1, 9, "removed")]
    state.plan = Plan("s", Place("ab", 20, 5, 100), {0: 2}, abandoned=True)
    return state


def test_a_state_is_read_as_it_was_saved():
    assert State.unpacked(saved().packed(), "tee", "redis://there/topic") == saved()


def test_after_a_start_of_the_machine_or_with_another_topic_a_new_writer_begins_at_the_same_places(monkeypatch):
    data = saved().packed()
    other = State.unpacked(data, "tee", "redis://elsewhere/topic")
    monkeypatch.setattr(module, "_boot_id", lambda: "another")
    later = State.unpacked(data, "tee", "redis://there/topic")
    for fresh in (other, later):
        assert fresh.writer.startswith("tee.")
        assert fresh.writer != "tee.1"
        assert (fresh.numbers, fresh.plan) == ({}, None)
        assert (fresh.places, fresh.shipped, fresh.lost) == (saved().places, 12, 2)
    assert other.writer != later.writer


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format": 9}', b"[]", b'{"format":1,"places":{"s":[1,2,3,4,5,6,7]}}'])
def test_what_is_no_state_is_a_new_one(data):
    assert State.unpacked(data, "tee", "label").places == {}


def test_streams_that_are_gone_are_forgotten_in_the_end():
    state = State("w", "l", places={f"s{number}": Place() for number in range(300)})
    state.forget({"s0"})
    assert len(state.places) == 101
    assert {"s0", "s299"} <= state.places.keys()


def test_the_latest_losses_are_kept_and_all_are_counted():
    state = State("w", "l")
    for number in range(300):
        state.miss(Missing(2, number, number, "removed"))
    assert state.lost == 600
    assert len(state.gaps) == 100
    assert state.gaps[-1].first == 299


def test_the_file_has_what_was_saved_last_and_the_one_before_if_that_is_torn(tmp_path):
    file = StateFile(tmp_path / "state")
    assert file.data == b""
    for data in (b"one", b"two", b"three", b"four"):
        file.save(data)
    file.close()
    file.close()
    again = StateFile(tmp_path / "state")
    assert again.data == b"four"
    again.close()
    path = tmp_path / "state"
    path.write_bytes(path.read_bytes().replace(b"four", b"fo\0r"))
    assert StateFile(path).data == b"three"


def test_one_process_has_the_file(tmp_path):
    file = StateFile(tmp_path / "state")
    with pytest.raises(BlockingIOError):
        StateFile(tmp_path / "state")
    file.close()
    StateFile(tmp_path / "state").close()


def test_what_is_too_long_is_refused(tmp_path):
    with pytest.raises(ValueError):
        StateFile(tmp_path / "state").save(bytes(200_000))
