"""The traffic over HTTP."""

import threading

from tests.support.net import free_port
from tests.worlds import SHOP, World
from tests.worlds.clients import main, sent
from tests.worlds.server import WorldServer


def test_a_world_answers_its_own_traffic(capsys):
    with WorldServer(World(1, [], None, SHOP), "a", latencies=False) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        url = f"http://127.0.0.1:{server.port}"
        statuses = sent(url, SHOP, 200, rate=2000.0, connections=4)
        assert main([url, "--requests", "20", "--rate", "2000"]) == 0
        server.shutdown()
    assert sum(statuses.values()) == 200
    assert statuses.keys() <= {200, 201, 301, 302, 401, 404}
    assert statuses[200] > 100
    assert "200: " in capsys.readouterr().out


def test_a_server_that_is_not_there_gives_no_status():
    assert sent(f"http://127.0.0.1:{free_port()}", SHOP, 5, rate=1000.0, connections=2) == {0: 5}
