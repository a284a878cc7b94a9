import logging
import os
import sys
import threading
from types import SimpleNamespace

import pytest

from httptee.errors import ConfigError
from httptee.middleware.application import Silent
from httptee.middleware.inside import Inside
from httptee.middleware.together import DIRECTORY


@pytest.fixture
def inside():
    made = []

    def make(*lines, settings=None, **environ):
        made.append(Inside(Silent(), lines or ("http://127.0.0.1:9",), settings or {}, None, environ))
        return made[-1]

    yield make
    for each in made:
        each.end()


def test_it_begins_with_the_first_request_of_a_process(inside):
    before = threading.enumerate()
    app = inside()
    assert app._mounted is None
    tee = app.tee
    assert tee is app.tee
    assert [thread for thread in threading.enumerate() if thread not in before] == []
    assert [worker.pid for worker in app.ledger.workers()] == [os.getpid()]


def test_a_forked_process_begins_anew(inside):
    app = inside()
    parent = app.tee
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            new = app.tee is not parent and len(app.ledger.workers()) == 2
            os.write(writer, b"y" if new else b"n")
        finally:
            os._exit(0)
    assert os.read(reader, 1) == b"y"
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    assert app.tee is parent
    assert len(app.ledger.workers()) == 1


def test_its_end_takes_it_from_the_workers_and_may_be_called_twice(inside):
    app = inside()
    assert app.tee is not None
    app.end()
    app.end()
    assert app.ledger.workers() == []


def test_options_without_an_effect_are_named_in_one_line(inside, caplog):
    with caplog.at_level(logging.INFO):
        app = inside(settings={"threads": 8, "a.rewrite": True, "control": "/c", "b.timeout": 700})
        assert app.tee is not None
    (said,) = [record.getMessage() for record in caplog.records if "ignored" in record.getMessage()]
    assert said == "ignored, because A is an application: -control, -a.rewrite, -threads"


@pytest.mark.parametrize(("options", "warned"), [({}, 1), ({"enable-threads": b"true"}, 0), ({"threads": b"4"}, 0)])
def test_uwsgi_without_threads_is_a_warning(inside, caplog, monkeypatch, options, warned):
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt=options))
    app = inside()
    assert app.tee is not None
    assert sum("set enable-threads" in record.getMessage() for record in caplog.records) == warned


def test_the_largest_body_is_that_of_a_b_or_of_the_recording(inside, tmp_path):
    assert inside("http://b:1 max-body=77", "http://b:2 max-body=99").most_body == 99
    assert inside("http://b:1 max-body=77", settings={"record": tmp_path, "record.max-body": 500}).most_body == 500


def test_a_directory_that_cannot_be_written_is_named(inside):
    with pytest.raises(ConfigError, match=rf"^{DIRECTORY}: cannot write in /nowhere: "):
        inside(**{DIRECTORY: "/nowhere"})


def test_a_b_that_is_the_given_address_of_the_application_is_refused(inside):
    with pytest.raises(ConfigError, match="is A: every request would reach it twice"):
        inside("http://127.0.0.1:8000", settings={"a": "http://127.0.0.1:8000"})


def test_the_gauges_are_published_once_a_second(inside):
    app = inside()
    tee = app.tee
    app.publish(100.0)
    tee.budget.held = 77
    app.publish(100.5)
    assert app.ledger.workers()[0].held_bytes == 0
    app.publish(101.5)
    assert app.ledger.workers()[0].held_bytes == 77
