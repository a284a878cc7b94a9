import os
import subprocess
import sys
import threading

import pytest

import httptee
from httptee.errors import ConfigError
from httptee.middleware import create_app
from httptee.settings.config import load
from tests.middleware.asked import ask
from tests.support.backend import Backend

A_HEAVY_ROOM = ("httptee.admin", "httptee.page", "httptee.server", "jinja2", "prometheus_client")


@pytest.fixture
def mount():
    made = []

    def make(a, *words):
        made.append(create_app(load(["-a", a, *words], {})))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_it_begins_with_the_first_request_of_a_process(mount):
    before = threading.enumerate()
    with Backend() as a, Backend() as b:
        app = mount(a.url, "-b", b.url)
        assert app.ledger.workers() == []
        assert len([thread for thread in threading.enumerate() if thread not in before]) == 2  # of the two servers
        got = ask(app, target="/x")
        assert got.status == "200 OK"
        assert [worker.pid for worker in app.ledger.workers()] == [os.getpid()]
        app.close()
        assert app.ledger.workers() == []
        (statement,) = app.ledger.statements()
        assert (statement.seen, statement.delivered) == (1, 1)


def test_a_forked_process_begins_anew_and_counts_with_its_parent(mount):
    with Backend() as a:
        app = mount(a.url)
        ask(app)
        child = os.fork()
        if not child:
            answer = 1
            try:
                ask(app)
                answer = len(app.ledger.workers())
            finally:
                os._exit(answer)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        assert app.ledger.primary().answered == 2
        assert len(app.ledger.workers()) == 1


def test_an_upstream_that_is_the_admin_listener_is_refused():
    with pytest.raises(ConfigError, match=r"B http://localhost:8889 is the admin listener of this tee"):
        create_app(load(["-b", "localhost:8889", "-admin", "127.0.0.1:8889"], {}))
    assert callable(httptee.create_app(load(["-b", "localhost:8888", "-l", ":8888"], {})))


@pytest.mark.parametrize(
    "program",
    [
        "os.environ['HTTPTEE_B'] = 'http://127.0.0.1:9'; from httptee.wsgi import application",
        "application = httptee.Shadowed(lambda *_: [], 'http://127.0.0.1:9')",
        "application = httptee.asgi.Shadowed(None, 'http://127.0.0.1:9')",
    ],
)
def test_without_an_admin_listener_no_page_is_loaded(program):
    code = f"import os, sys, httptee, httptee.asgi; {program}; print(sorted(set(sys.modules) & set({A_HEAVY_ROOM!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pairs_are_published_only_by_a_tee_with_a_server_of_its_own():
    with pytest.raises(ConfigError, match="-verdict: pairs are published for other judges only by a tee with"):
        create_app(load(["-b", "localhost:8889", "-verdict", "redis://host/topic"], {}))
