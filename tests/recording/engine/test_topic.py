import pytest

from httptee.journal import Appended
from httptee.journal.engines import Message
from httptee.recording.engine import Topic, topic
from tests.support.engine import MemoryEngine

MESSAGE = Message(0, "w", 1, 1, b"x")


def test_a_topic_is_opened_when_something_is_shipped(monkeypatch):
    engine = MemoryEngine()
    monkeypatch.setattr(topic, "open_engine", lambda address: engine)
    made = Topic("redis://me@h/t?partitions=3")
    assert (made.label, made.partitions, made.error) == ("redis://h:6379/t", 3, "")
    engine.unavailable = "nobody answers"
    assert made.append([MESSAGE]) is Appended.UNAVAILABLE
    assert made.error == "nobody answers"
    engine.unavailable = ""
    assert made.append([MESSAGE]) is Appended.COMMITTED
    assert made.error == ""


def test_what_is_wrong_when_it_is_opened_is_an_error_of_the_engine_and_is_tried_again(tmp_path, monkeypatch):
    password = tmp_path / "password"
    made = Topic(f"redis://h/t?password-file={password}")
    assert made.append([MESSAGE]) is Appended.UNAVAILABLE
    assert "No such file" in made.error
    monkeypatch.setattr(topic, "open_engine", lambda address: MemoryEngine())
    assert made.append([MESSAGE]) is Appended.COMMITTED


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValueError, match="expected a topic"):
        Topic("redis://h")
