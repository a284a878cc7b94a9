"""`-close-connections`: no request follows another one on its connection (RFC 9112 §9.6)."""

import pytest

from httptee.build import primary_upstream, shadow_upstream
from httptee.http.message import Request
from httptee.settings.config import load
from httptee.settings.shadow_settings import shadow_settings
from httptee.transport.timeouts import Timeouts
from tests.support import scripts
from tests.support.scripted import ScriptedServer


@pytest.mark.parametrize(("words", "connections"), [(["-close-connections"], 3), ([], 1)])
@pytest.mark.parametrize("which", ["A", "B"])
def test_a_server_that_keeps_the_connection_open_gets_no_second_request_on_it(which, words, connections):
    with ScriptedServer(scripts.answer()) as server:
        settings = load(["-a", server.url, "-b", server.url, *words], {})
        upstream = (
            primary_upstream(settings, 4)
            if which == "A"
            else shadow_upstream(settings, shadow_settings(settings)[0], 4)
        )
        for _ in range(3):
            answer = upstream.send(Request("POST", "/", [("Host", "h")], b"x", "", "http"), Timeouts(5, 5, 5))
            answer.raw.close()
        upstream.close()
        assert server.connections == connections
